"""A failed local-exec: terraform quotes the whole command before what it printed, and a command may hold anything.

It may hold AWS's sentence, terraform's words for its own end, a blank line and `Error: `, a location, a box, a JSON
message. So the command proves nothing, and only terraform's words end it: the last such place is the true end, or lies
within the output. Where the end may be missing or doubtful, nothing that was printed is known.

The words are those of terraform's internal/builtin/provisioners/local-exec/resource_provisioner.go; up to 0.14 the
sentence about the command is the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COMMAND = "Error running command '"
QUOTES = re.compile(rf"\blocal-exec provisioner error\b|{COMMAND}")
END = re.compile(r"': (?:exit status -?\d+|signal: [\w ]{1,40}?(?: \(core dumped\))?)\. Output:(?: |$)")
# The command may not even have started: `exec: "x": executable file not found in $PATH`, `context canceled`.
ANY_END = re.compile(r"': .{1,300}?\. Output:(?: |$)")
# Another terraform's box, quoted by the output, has its gutter at every line, in the midst of a sentence.
FRAME = re.compile(r"(?:(?<= )|^)[╷│╵](?= |$) ?")


def unwrap(lines: Iterable[str]) -> str:
    """*lines* as one, white space collapsed, in characters that any output can take."""
    joined = " ".join(" ".join(lines).split())
    return joined.encode("utf-8", "replace").decode()


def quotes_command(text: str) -> bool:
    """Whether *text*, unwrapped, quotes a command."""
    return QUOTES.search(text) is not None


def holds_end(lines: Iterable[str]) -> bool:
    """Whether *lines* hold what may end a command: where they are no part of the error, its command was cut in two."""
    return ANY_END.search(unwrap(lines)) is not None


def evidence(text: str, *, torn: bool) -> str:
    """What of *text*, unwrapped, no command can have written: all of it, or the output of the command that it quotes.

    *torn* says that lines of it may be missing; empty where the end of the command is doubtful.
    """
    if not quotes_command(text) and not ANY_END.search(text):
        return text
    text = FRAME.sub("", text)
    output = _output(text, torn=torn)
    return text[output.end() :] if output else ""


def without_command(text: str, *, torn: bool) -> str:
    """*text*, unwrapped, without the command that it quotes; without its end, too, where that is doubtful."""
    text = FRAME.sub("", text)
    start, output = text.find(COMMAND), _output(text, torn=torn)
    before = text[: start + len(COMMAND)] if start >= 0 else ""
    if output:
        return before + text[output.start() :]
    return before if start >= 0 or ANY_END.search(text) else text


def _output(text: str, *, torn: bool) -> re.Match[str] | None:
    """The end of the command, behind which its output stands; None where it is not certain."""
    ends, quoted = list(END.finditer(text)), QUOTES.search(text)
    if torn or not ends or not quoted or quoted.start() > ends[0].start():
        return None
    return None if ANY_END.search(text, ends[-1].end()) else ends[-1]

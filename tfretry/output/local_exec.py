"""A failed local-exec: its output is evidence, its command is not.

Terraform prints the command that failed before the output of that command, and a command may hold anything: AWS's
sentence, terraform's own words for the end of a command, a blank line and `Error: `, a location, a box, a JSON message.
So the text of a command proves nothing. It ends where terraform says so (`': exit status 1. Output: `): the last place
that reads like this is the true end, or lies within the output. Where the end may be missing or is doubtful, no text
counts as output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tfretry.output.lines import unwrap
from tfretry.terraform import messages

QUOTES = re.compile(rf"\b{messages.LOCAL_EXEC}\b|{messages.FAILED_COMMAND}")
CERTAIN_END = re.compile(
    rf"': (?:exit status -?\d+|signal: [\w ]{{1,40}}?(?: \(core dumped\))?){messages.COMMAND_OUTPUT}"
)
# The command may not even have started: `exec: "x": executable file not found in $PATH`, `context canceled`.
POSSIBLE_END = re.compile(rf"': .{{1,300}}?{messages.COMMAND_OUTPUT}")
# The output may quote another terraform's box, whose gutter then stands in the middle of its sentences.
FRAME = re.compile(r"(?:(?<= )|^)[╷│╵](?= |$) ?")


def quotes_command(text: str) -> bool:
    """Whether *text*, unwrapped, quotes a failed command."""
    return QUOTES.search(text) is not None


def holds_end(lines: Iterable[str]) -> bool:
    """Whether *lines* may hold the end of a quoted command: if they do not count as text, the true end is missing."""
    return POSSIBLE_END.search(unwrap(lines)) is not None


def may_begin_end(line: str) -> bool:
    """Whether the end of a command may begin in *line*, and continue in the next one."""
    return "':" in line


def provable_text(text: str, *, torn: bool) -> str:
    """Return the part of *text*, unwrapped, that no command can have written: all, or the output of the command.

    *torn* says that lines of it may be missing. The result is empty where the end of the command is doubtful.
    """
    if not quotes_command(text) and not POSSIBLE_END.search(text):
        return text
    text = FRAME.sub("", text)
    end = _end_of_command(text, torn=torn)
    return text[end.end() :] if end else ""


def without_command(text: str, *, torn: bool) -> str:
    """Return *text*, unwrapped, without the command that it quotes, and without the output if its start is doubtful."""
    text = FRAME.sub("", text)
    start, end = text.find(messages.FAILED_COMMAND), _end_of_command(text, torn=torn)
    before = text[: start + len(messages.FAILED_COMMAND)] if start >= 0 else ""
    if end:
        return before + text[end.start() :]
    return before if start >= 0 or POSSIBLE_END.search(text) else text


def _end_of_command(text: str, *, torn: bool) -> re.Match[str] | None:
    """Find terraform's words between the command and its output; None where they are doubtful."""
    ends, quoted = list(CERTAIN_END.finditer(text)), QUOTES.search(text)
    if torn or not ends or not quoted or quoted.start() > ends[0].start():
        return None
    return None if POSSIBLE_END.search(text, ends[-1].end()) else ends[-1]

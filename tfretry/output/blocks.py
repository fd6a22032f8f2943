"""One diagnostic, taken line by line in any shape, and told as all the errors that it can be read as.

Without colour nothing marks an error's end, and a command that prints a blank line and `Error: …` gives byte for byte
what a second error gives. So that every shape gives the same decision, a text is divided at each such place in every
shape: what is behind it may be an error of its own, or go on with the one before. If each part alone is known to heal,
so does every way to put them together, but for two things, which are seen to here: what might be the command of a
failed local-exec, and a warning, which alone is no error, but may belong to the error before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tfretry.output.local_exec import holds_end, quotes_command, unwrap
from tfretry.output.shapes import TEXT_LIMIT, Diagnostic, address_in

# Beyond this a line is no location: matching stays cheap whatever a line holds.
LOCATION_LIMIT = 4096
# In a narrow terminal a heading may be all that there is on its line.
HEADING = re.compile(r"(Error|Warning):(?: (.*)|$)", re.DOTALL)
WITH = re.compile(r"  with (\S.*),$")
ON = re.compile(r"  on .+ line \d+(?:, in (.+))?:$")
# The source that terraform shows and the values in it are the configuration's words, not the error's.
SOURCE = re.compile(r" *\d+:(?: |$)|    [├│|]|  \(source code not available\)$")


class Layout:
    """Where within a diagnostic a line stands: in its summary, its location or its detail.

    It is *certain* to be one where nothing stands before it whose text its heading might be.
    """

    def __init__(self, *, certain: bool = False, address: str | None = None, context: str | None = None) -> None:
        self._certain = certain
        self.address = address
        self.context = context
        self.detailed = False
        self.behind_summary = False
        self._blanks = 0
        self._has_location = False
        self._located = False
        self._sourced = False
        self._unsourced = False

    @property
    def may_be_over(self) -> bool:
        """Whether a heading may begin another diagnostic here.

        A blank line goes before each. The detail of one that is certain may itself begin with `Error: …`, behind the
        single blank line that ends the summary or the source.
        """
        if not self._certain:
            return self._blanks > 0
        return self._blanks > 1 or (self._blanks == 1 and (self.detailed or self._unsourced))

    def blank(self) -> None:
        """Take a blank line."""
        self._unsourced = self._located and not self._sourced
        self._has_location = self._has_location or self._located
        self._blanks, self._located, self._sourced, self.behind_summary = self._blanks + 1, False, False, True

    def is_location(self, line: str) -> bool:
        """Take any other line: whether it tells where it happened. A location stands behind a blank line."""
        self._located = (self._blanks > 0 or self._located) and self._locates(line)
        self._blanks = 0
        # It has one location: a second is a quotation in its detail.
        self.detailed = self.detailed or (self.behind_summary and (self._has_location or not self._located))
        return self._located

    def _locates(self, line: str) -> bool:
        if len(line) > LOCATION_LIMIT:
            return False
        if found := WITH.match(line):
            self.address = self.address or found[1]
            return True
        if found := ON.match(line):
            self.context = self.context or address_in(found[1] or "")
            self._sourced = True
            return True
        return self._sourced and SOURCE.match(line) is not None


class Part:
    """The lines of one error, at most TEXT_LIMIT characters of them, and of the warnings behind it."""

    def __init__(self, *, is_error: bool, certain: bool) -> None:
        self.is_error = is_error
        self.layout = Layout(certain=certain)
        self.summary: list[str] = []
        self.detail: list[str] = []
        self.aside: list[str] = []
        self.truncated = False
        self.torn = False
        self._room = TEXT_LIMIT
        self._warned = False

    def warn(self, summary: str) -> None:
        """Take a warning that begins here: what follows may or may not belong to the error."""
        self._warned = self.is_error
        self.layout = Layout(address=self.layout.address, context=self.layout.context)
        self._keep(f"Warning: {summary}", self.aside)

    def add(self, line: str) -> None:
        """Take a line that is no heading."""
        if not line.strip():
            self.layout.blank()
            return
        if self.layout.is_location(line):
            self.torn = self.torn or holds_end([line])
            # Within the detail it stands behind a summary of several paragraphs, or is what a command printed; or the
            # command itself, whose end may then go on in the next line.
            if self.layout.detailed:
                self.torn = self.torn or "':" in line
                self._keep(line, self.aside)
        elif self._warned:
            self._keep(line, self.aside)
        else:
            self._keep(line, self.detail if self.layout.behind_summary else self.summary)

    def head(self, summary: str) -> None:
        """Begin with the summary's first line."""
        self._keep(summary, self.summary)

    def _keep(self, line: str, where: list[str]) -> None:
        self.truncated = self.truncated or len(line) > self._room
        if self._room:
            where.append(line[: self._room])
        self._room = max(0, self._room - len(line) - 1)


class Block:
    """Collects what is printed as one diagnostic, and calls *found* with each error that it can be read as.

    The first is counted, and where nothing marks the end (*shape* `plain`) so are the others. *certain*: see Layout.
    """

    def __init__(self, shape: str, found: Callable[[Diagnostic], object], *, certain: bool) -> None:
        self.shape = shape
        self._found = found
        self._certain = certain
        self._address: str | None = None
        self._part = Part(is_error=True, certain=certain)
        self._told = False

    @property
    def empty(self) -> bool:
        """Whether nothing has been said yet."""
        return not self._part.summary and not self._part.detail

    @property
    def is_error(self) -> bool:
        """Whether the part that is being collected is an error."""
        return self._part.is_error

    @property
    def full(self) -> bool:
        """Whether more was said than is kept."""
        return self._part.truncated

    @property
    def quotes_command(self) -> bool:
        """Whether what has been said so far quotes a command: its output may hold anything."""
        return quotes_command(unwrap([*self._part.summary, *self._part.detail]))

    def head(self, severity: str, summary: str) -> None:
        """Begin with `Error: summary` or `Warning: summary`."""
        self._part = Part(is_error=severity == "Error", certain=self._certain and not self._told)
        self._part.head(summary)

    def add(self, line: str) -> None:
        """Take the next line, without its gutter."""
        heading = HEADING.match(line) if self._part.layout.may_be_over else None
        if heading is None:
            self._part.add(line)
        elif heading[1] == "Warning":
            self._part.warn(heading[2] or "")
        else:
            self._tell()
            self.head("Error", heading[2] or "")

    def close(self, *, truncated: bool = False) -> None:
        """Take the end of the diagnostic; *truncated* says that it is not the true end."""
        self._part.truncated = self._part.truncated or truncated
        self._tell()

    def _tell(self) -> None:
        part, counted = self._part, self.shape == "plain" or not self._told
        self._told = True
        if not part.is_error:
            return
        address = part.layout.address or part.layout.context
        if self.shape != "plain":
            self._address = address = self._address or address
        self._found(
            Diagnostic(
                summary=unwrap(part.summary),
                detail=unwrap(part.detail),
                address=address,
                shape=self.shape,
                truncated=part.truncated,
                torn=part.torn or holds_end(part.aside),
                aside=unwrap(part.aside),
                counted=counted,
            )
        )

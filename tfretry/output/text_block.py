"""One diagnostic, taken line by line in any shape, and told as all the errors that it can be read as.

Without colour nothing marks an error's end, and a command that prints a blank line and `Error: …` gives byte for byte
what a second error gives. So that every shape gives the same decision, a text is divided at each such place in every
shape: what is behind it may be an error of its own, or go on with the one before. If each part alone is known to heal,
so does every way to put them together. A warning alone is no error, but may belong to the error before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tfretry.output.diagnostic import TEXT_LIMIT, Diagnostic
from tfretry.output.layout import Layout
from tfretry.output.local_exec import holds_end, quotes_command, unwrap

# In a narrow terminal a heading may be all that there is on its line.
HEADING = re.compile(r"(Error|Warning):(?: (.*)|$)", re.DOTALL)


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
        self._address: str | None = None
        self._room = TEXT_LIMIT
        self._warned = False

    @property
    def address(self) -> str | None:
        """Where it happened, in full or as its source tells."""
        return self._address or self.layout.address or self.layout.context

    def warn(self, summary: str) -> None:
        """Take a warning that begins here: what follows may or may not belong to the error."""
        self._warned = self.is_error
        self._address = self.address
        self.layout = Layout(certain=False)
        self._keep(f"Warning: {summary}", self.aside)

    def add(self, line: str) -> None:
        """Take a line that is no heading."""
        if not line.strip():
            self.layout.blank()
            return
        if self.layout.is_location(line):
            self.torn = self.torn or holds_end([line])
            # Within the detail: behind a summary of several paragraphs, or printed by a command. Or it is of the
            # command itself, whose end may go on in the next line.
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
        self.format = shape
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
        part, counted = self._part, self.format == "plain" or not self._told
        self._told = True
        if not part.is_error:
            return
        address = part.address
        if self.format != "plain":
            self._address = address = self._address or address
        self._found(
            Diagnostic(
                summary=unwrap(part.summary),
                detail=unwrap(part.detail),
                address=address,
                format=self.format,
                truncated=part.truncated,
                torn=part.torn or holds_end(part.aside),
                aside=unwrap(part.aside),
                counted=counted,
            )
        )

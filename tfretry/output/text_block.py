"""The lines of one diagnostic, read as all the errors that they may be.

Without colour nothing marks the end of an error, and a command that prints a blank line and `Error: …` gives the same
bytes as a second error. Every format must give the same decision. So in every format the text is divided at each such
place: the part behind it may be an error of its own, or belong to the error before. If each part alone is transient, so
is every way to join them. A warning is no error, but its text may belong to the error before it.
"""

from __future__ import annotations

from collections.abc import Callable

from tfretry.output.diagnostic import TEXT_LIMIT, Diagnostic
from tfretry.output.layout import Layout
from tfretry.output.lines import unwrap
from tfretry.output.local_exec import holds_end, may_begin_end, quotes_command
from tfretry.terraform import messages


class Part:
    """The lines of one error, TEXT_LIMIT characters at most, and of the warnings behind it."""

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
        self._in_warning = False

    @property
    def address(self) -> str | None:
        """The address of the resource, or what the source line tells of it."""
        return self._address or self.layout.address or self.layout.context

    def warn(self, summary: str) -> None:
        """Take the heading of a warning: the lines that follow may or may not belong to the error."""
        self._in_warning = self.is_error
        self._address = self.address
        self.layout = Layout(certain=False)
        self._keep(f"{messages.WARNING} {summary}", self.aside)

    def add(self, line: str) -> None:
        """Take a line that is no heading."""
        if not line.strip():
            self.layout.blank()
            return
        if self.layout.take(line):
            self.torn = self.torn or holds_end([line])
            # Within the detail it stands behind a summary of several paragraphs, or a command printed it, or it is part
            # of a command, whose end may continue in the next line.
            if self.layout.in_detail:
                self.torn = self.torn or may_begin_end(line)
                self._keep(line, self.aside)
        elif self._in_warning:
            self._keep(line, self.aside)
        else:
            self._keep(line, self.detail if self.layout.after_summary else self.summary)

    def head(self, summary: str) -> None:
        """Take the first line of the summary."""
        self._keep(summary, self.summary)

    def _keep(self, line: str, lines: list[str]) -> None:
        self.truncated = self.truncated or len(line) > self._room
        if self._room:
            lines.append(line[: self._room])
        self._room = max(0, self._room - len(line) - 1)


class Block:
    """Collect the lines of one diagnostic, and call *found* with each error that they may be.

    The first error is counted; in the format `plain`, where nothing marks the end, so are the others. *certain*: see
    Layout.
    """

    def __init__(self, format_: str, found: Callable[[Diagnostic], object], *, certain: bool) -> None:
        self.format = format_
        self._found = found
        self._certain = certain
        self._address: str | None = None
        self._part = Part(is_error=True, certain=certain)
        self._has_reported = False

    @property
    def empty(self) -> bool:
        """Whether there is no text yet."""
        return not self._part.summary and not self._part.detail

    @property
    def is_error(self) -> bool:
        """Whether the current part is an error."""
        return self._part.is_error

    @property
    def full(self) -> bool:
        """Whether the current part has more text than is kept."""
        return self._part.truncated

    @property
    def quotes_command(self) -> bool:
        """Whether the text so far quotes a failed command, whose output may hold anything."""
        return quotes_command(unwrap([*self._part.summary, *self._part.detail]))

    def head(self, severity: str, summary: str) -> None:
        """Begin with `Error: summary` or `Warning: summary`."""
        self._part = Part(is_error=severity == "Error", certain=self._certain and not self._has_reported)
        self._part.head(summary)

    def add(self, line: str) -> None:
        """Take the next line, without its gutter."""
        heading = messages.QUOTED_HEADING.match(line) if self._part.layout.may_be_over else None
        if heading is None:
            self._part.add(line)
        elif heading[1] == "Warning":
            self._part.warn(heading[2] or "")
        else:
            self._report()
            self.head("Error", heading[2] or "")

    def close(self, *, truncated: bool = False) -> None:
        """End the diagnostic; *truncated* says that its true end is missing."""
        self._part.truncated = self._part.truncated or truncated
        self._report()

    def _report(self) -> None:
        part, counted = self._part, self.format == "plain" or not self._has_reported
        self._has_reported = True
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
                truncated=part.truncated,
                torn=part.torn or holds_end(part.aside),
                aside=unwrap(part.aside),
                counted=counted,
            )
        )

"""One diagnostic in a shape for people, taken line by line: what is its text, and what only stands beside it."""

from __future__ import annotations

import re

from tfretry.output.shapes import ADDRESS, TEXT_LIMIT, Text, address_in, holds_output

# More than any command that Linux can start: the end of a command that holds such lines is not missed.
ASIDE_LIMIT = 256 * 1024
# Beyond this a line is no location: matching stays cheap whatever a line holds.
LOCATION_LIMIT = 4096
WITH = re.compile(r"  with (\S.*),$")
ON = re.compile(r"  on .+ line \d+(?:, in (.+))?:$")
# The source that terraform shows and the values in it are the configuration's words, not the error's.
SOURCE = re.compile(r" *\d+:(?: |$)|    [├│|]|  \(source code not available\)$")

LOG = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S* +\[(?:TRACE|DEBUG|INFO|WARN|ERROR)\s*\]")
# A log entry of several lines ends its first so: an HTTP exchange, a graph, a value too long for one line.
LOG_OPENS = (":", "=")
MESSAGE = '"@level"'
# What terraform itself prints at line start; none of it continues a diagnostic.
OTHERS = re.compile(
    rf"{ADDRESS} \((?:local|remote)-exec\): "
    rf"|{ADDRESS}(?: \(deposed object \w+\))?: (?:Still |Refreshing state|Provisioning with|(?:Creat|Modify|Destroy"
    r"|Read)ing\.\.\.|(?:Creation|Modifications|Destruction|Read) complete )"
    r"|(?:Acquiring|Releasing) state lock\. |(?:Apply|Destroy) complete! |Plan: \d+ to |No changes\. "
    r"|Changes to Outputs:$|Outputs:$|Terraform used the selected |Terraform will perform the following "
    r"|Do you want to perform these |Interrupt received\.$"
    rf"| {{2}}# {ADDRESS} | {{2}}(?:\+|~|-|-/\+|\+/-|<=) (?:resource|data) \"| {{4,}}[-+~] \w+ += "
)


class Block:
    """Collects one diagnostic's lines, at most TEXT_LIMIT characters of them."""

    def __init__(self, shape: str) -> None:
        self.shape = shape
        self.severity = ""
        self._blanks = 0
        self.full = False
        self.over = False
        self._summary: list[str] = []
        self._detail: list[str] = []
        self._aside: list[str] = []
        self._into = self._summary
        self._room = TEXT_LIMIT
        self._aside_room = ASIDE_LIMIT
        self._truncated = False
        self._cut = False
        self._address: str | None = None
        self._context: str | None = None
        self._located = False
        self._sourced = False
        self._unsourced = False
        self._logging = False

    @property
    def empty(self) -> bool:
        """Whether nothing has been said yet."""
        return not self._summary and not self._detail

    def head(self, severity: str, summary: str) -> None:
        """Begin with `Error: summary` or `Warning: summary`."""
        self.severity, self._blanks, self._into = severity, 0, self._summary
        self._keep(summary, self._summary)

    def add(self, line: str) -> None:
        """Take a line that is certainly the diagnostic's own, its gutter removed."""
        if not line.strip():
            self._unsourced = self._located and not self._sourced
            self._blanks, self._located, self._sourced, self._into = self._blanks + 1, False, False, self._detail
            return
        self._located = (self._blanks > 0 or self._located) and self._locates(line)
        self._blanks = 0
        if not self._located:
            self._keep(line, self._into)
        # Source within the detail: behind a summary of several paragraphs, or a command that imitates it.
        if self._located and (self._detail or holds_output([line])):
            self._cut = True

    @property
    def may_be_over(self) -> bool:
        """Whether a heading at line start would begin another diagnostic, in a stream where nothing marks the end.

        A blank line goes before each; a detail may itself begin with `Error: …`, behind the single blank line that
        ends the summary or the source.
        """
        if self.over or self._logging:
            return True
        return self._blanks > 1 or (self._blanks == 1 and bool(self._detail or self._unsourced))

    def add_doubtful(self, line: str) -> None:
        """Take a line of a stream where nothing marks the end: log lines and terraform's progress are set aside."""
        ours = OTHERS.match(line) is not None
        log = LOG.match(line) is not None
        if log:
            self._logging = line.rstrip().endswith(LOG_OPENS)
        if ours or log or (line.startswith("{") and MESSAGE in line):
            self.over = self.over or ours
            self._set_aside(line, kept=self.severity == "Error")
        elif self.over or self._logging:
            self._set_aside(line, kept=True)
        else:
            self.add(line)

    def text(self, *, cut: bool = False) -> Text | None:
        """The error that was collected, if it is one; *cut* says that the next thing began within it."""
        # A local-exec may print a blank line and "Warning: …" in the middle of the command that terraform quotes.
        torn = self.shape == "plain" and holds_output([*self._summary, *self._detail, *self._aside])
        if self.severity == "Warning" and not torn:
            return None
        return Text(
            summary=self._summary,
            detail=self._detail,
            address=self._address or self._context,
            shape=self.shape,
            truncated=self._truncated,
            torn=self._cut or cut or holds_output(self._aside),
        )

    def _locates(self, line: str) -> bool:
        if len(line) > LOCATION_LIMIT:
            return False
        if found := WITH.match(line):
            self._address = self._address or found[1]
            return True
        if found := ON.match(line):
            self._context = self._context or address_in(found[1] or "")
            self._sourced = True
            return True
        return self._sourced and SOURCE.match(line) is not None

    def _set_aside(self, line: str, *, kept: bool) -> None:
        self._aside_room -= len(line) + 1
        self.full = self.full or self._aside_room < 0
        if kept:
            self._aside.append(line)

    def _keep(self, line: str, where: list[str]) -> None:
        self._truncated = self._truncated or len(line) > self._room
        self.full = self.full or self._truncated
        where.append(line[: self._room])
        self._room = max(0, self._room - len(line) - 1)

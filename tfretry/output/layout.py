"""Where within a diagnostic each of its lines stands."""

from __future__ import annotations

import re

from tfretry.output.diagnostic import address_in

# Beyond this a line is no location: matching stays cheap whatever a line holds.
LOCATION_LIMIT = 4096
WITH = re.compile(r"  with (\S.*),$")
ON = re.compile(r"  on .+ line \d+(?:, in (.+))?:$")
# The source that terraform shows and the values in it are the configuration's words, not the error's.
SOURCE = re.compile(r" *\d+:(?: |$)|    [├│|]|  \(source code not available\)$")


class Layout:
    """Where within a diagnostic a line stands: in its summary, its location or its detail.

    It is *certain* to be one where nothing stands before it whose text its heading might be.
    """

    def __init__(self, *, certain: bool) -> None:
        self._certain = certain
        self.address: str | None = None
        self.context: str | None = None
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

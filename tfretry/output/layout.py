"""The layout of a diagnostic: which of its lines are summary, location or detail."""

from __future__ import annotations

from tfretry.output.diagnostic import address_in
from tfretry.terraform import messages

# A longer line is no location: so matching stays cheap for any line.
LOCATION_LIMIT = 4096


class Layout:
    """Follow the lines of one diagnostic, and tell whether each is summary, location or detail.

    *certain*: it is no quotation, since no earlier diagnostic was read that its heading could be part of.
    """

    def __init__(self, *, certain: bool) -> None:
        self._certain = certain
        self.address: str | None = None
        self.context: str | None = None
        self.in_detail = False
        self.after_summary = False
        self._blanks = 0
        self._has_location = False
        self._in_location = False
        self._in_source = False
        self._lacked_source = False

    @property
    def may_be_over(self) -> bool:
        """Whether a heading in the next line may begin another diagnostic.

        A blank line stands before each. The detail of a certain diagnostic may itself begin with `Error: …`, behind the
        single blank line that ends the summary or the source.
        """
        if not self._certain:
            return self._blanks > 0
        return self._blanks > 1 or (self._blanks == 1 and (self.in_detail or self._lacked_source))

    def blank(self) -> None:
        """Take a blank line."""
        self._lacked_source = self._in_location and not self._in_source
        self._has_location = self._has_location or self._in_location
        self._blanks += 1
        self._in_location = self._in_source = False
        self.after_summary = True

    def take(self, line: str) -> bool:
        """Take any other line; return whether it is part of the location, which stands behind a blank line."""
        self._in_location = (self._blanks > 0 or self._in_location) and self._matches_location(line)
        self._blanks = 0
        # A diagnostic has one location: a second one is a quotation in its detail.
        self.in_detail = self.in_detail or (self.after_summary and (self._has_location or not self._in_location))
        return self._in_location

    def _matches_location(self, line: str) -> bool:
        if len(line) > LOCATION_LIMIT:
            return False
        if found := messages.WITH_ADDRESS.match(line):
            self.address = self.address or found[1]
            return True
        if found := messages.ON_LINE.match(line):
            self.context = self.context or address_in(found[1] or "")
            self._in_source = True
            return True
        # The source that terraform shows, and the values in it, are text of the configuration, not of the error.
        return self._in_source and messages.SOURCE.match(line) is not None

"""All that reads terraform's output as it passes: one reading for each channel of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfretry.output.diagnostics import DiagnosticReader
from tfretry.output.progress import ProgressReader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tfretry.output.diagnostic import Diagnostic

COLOUR_OR_RETURN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\r")
HEAD_SIZE = 1024
TAIL_SIZE = 256  # bytes: more colour codes than terraform ever writes in a row
VERSION = re.compile(rb'"(?:terraform|tofu)":"([^"]{1,64})","type":"version"')


class Reading:
    """All that reads one channel's bytes."""

    def __init__(self, found: Callable[[Diagnostic], object], progress: ProgressReader | None) -> None:
        self.head = b""
        self._progress = progress
        self._diagnostics = DiagnosticReader(found)
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Hand *chunk* to each reader."""
        self.head = self.head or chunk[:HEAD_SIZE]
        self._tail = (self._tail + chunk[-TAIL_SIZE:])[-TAIL_SIZE:]
        self._diagnostics.feed(chunk)
        if self._progress:
            self._progress.feed(chunk)

    def close(self) -> None:
        """The channel has come to its end."""
        self._diagnostics.close()
        if self._progress:
            self._progress.close()

    @property
    def left_line_open(self) -> bool:
        """Whether what stands there visibly ends without a newline."""
        visible = COLOUR_OR_RETURN.sub(b"", self._tail)
        return bool(visible) and not visible.endswith(b"\n")


class OutputReader:
    """Those of a whole run: *found* is called with each error diagnostic, on whichever channel it came.

    Without *changes* it is not asked which changes are finished, but for updates.
    """

    def __init__(self, found: Callable[[Diagnostic], object], *, changes: bool) -> None:
        self.progress = ProgressReader(changes=changes)  # of stdout: on stderr there is none but what others say
        self._by_channel = {1: Reading(found, self.progress), 2: Reading(found, None)}

    def feed(self, channel: int, chunk: bytes) -> None:
        """Read the next bytes of *channel*: 1 for stdout, or 2 for stderr."""
        self._by_channel[channel].feed(chunk)

    def close(self) -> None:
        """The run has ended."""
        for reading in self._by_channel.values():
            reading.close()

    def longest_s(self, addresses: Collection[str | None]) -> float:
        """For how long the change that took longest of those at *addresses* was going on."""
        waits = self.progress.longest.items()
        return max((float(seconds) for address, seconds in waits if address in addresses), default=0.0)

    def left_line_open(self, channel: int) -> bool:
        """Whether the last line of *channel* has no newline."""
        return self._by_channel[channel].left_line_open

    @property
    def version(self) -> str | None:
        """The version of terraform, which only -json tells."""
        match = VERSION.search(self._by_channel[1].head)
        return match[1].decode("ascii", "replace") if match else None

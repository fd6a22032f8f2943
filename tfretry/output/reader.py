"""Read the output of one run of terraform: its errors, its progress, and the end of its last line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfretry.output.diagnostics import DiagnosticReader
from tfretry.output.progress import ProgressReader
from tfretry.terraform.messages import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tfretry.output.diagnostic import Diagnostic
    from tfretry.output.progress import Completion

# Smaller chunks are gathered up to this many bytes: searching each alone would cost more than the search itself.
BATCH_SIZE = 16 * 1024
HEAD_SIZE = 1024
TAIL_SIZE = 256  # bytes: more colour codes than terraform ever writes in a row
COLOUR_OR_RETURN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\r")


class _ChannelReader:
    """Read the bytes of one channel, for diagnostics and for progress; each needs its own lines."""

    def __init__(self, found: Callable[[Diagnostic], object]) -> None:
        self.progress = ProgressReader()
        self.head = b""
        self._tail = b""
        self._diagnostics = DiagnosticReader(found)
        self._batch = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        if not self._batch and len(chunk) >= BATCH_SIZE:
            self._read(chunk)
            return
        self._batch += chunk
        if len(self._batch) >= BATCH_SIZE:
            self._read_batch()

    def close(self) -> None:
        """Read the rest."""
        self._read_batch()
        self._diagnostics.close()
        self.progress.close()

    @property
    def left_line_open(self) -> bool:
        """Whether the visible text ends without a newline; known once all has been read."""
        visible = COLOUR_OR_RETURN.sub(b"", self._tail)
        return bool(visible) and not visible.endswith(b"\n")

    def _read_batch(self) -> None:
        batch = bytes(self._batch)
        self._batch.clear()
        self._read(batch)

    def _read(self, chunk: bytes) -> None:
        self.head = self.head or chunk[:HEAD_SIZE]
        self._tail = (self._tail + chunk[-TAIL_SIZE:])[-TAIL_SIZE:]
        self._diagnostics.feed(chunk)
        self.progress.feed(chunk)


class OutputReader:
    """Read the channels of one run, and call *found* with each error diagnostic on any of them."""

    def __init__(self, found: Callable[[Diagnostic], object]) -> None:
        self._found = found
        self._by_channel: dict[int, _ChannelReader] = {}

    def watch(self, channel: int) -> Callable[[bytes], object]:
        """What takes the bytes of *channel*: 1, and 2 unless both are the same open file."""
        self._by_channel[channel] = _ChannelReader(self._found)
        return self._by_channel[channel].feed

    def close(self) -> None:
        """Read the rest; only then are the results complete."""
        for channel in self._by_channel.values():
            channel.close()

    @property
    def finished(self) -> tuple[Completion, ...]:
        """The changes that terraform reported as complete, each as often as it did."""
        return tuple(change for each in self._progress for change in each.finished)

    @property
    def destroy_provisioned(self) -> frozenset[str]:
        """The addresses where a destroy-time provisioner has begun."""
        return frozenset().union(*(each.destroy_provisioned for each in self._progress))

    @property
    def update_failed(self) -> bool:
        """Whether an update has begun and was not reported as complete."""
        return any(each.unfinished_updates for each in self._progress)

    @property
    def begun(self) -> bool:
        """Whether terraform has begun to change anything: only then does it save what the refresh found."""
        return any(each.begun for each in self._progress)

    def longest_s(self, addresses: Collection[str | None]) -> float:
        """Return the duration of the longest change among those at *addresses*."""
        durations = [each for progress in self._progress for each in progress.elapsed_s.items()]
        return max((float(seconds) for address, seconds in durations if address in addresses), default=0.0)

    @property
    def left_line_open(self) -> bool:
        """Whether terraform left a line open where our own lines go."""
        return self._by_channel[max(self._by_channel)].left_line_open

    @property
    def version(self) -> str | None:
        """The version of terraform, which only -json reports."""
        match = VERSION.search(self._by_channel[1].head)
        return match[1].decode("ascii", "replace") if match else None

    @property
    def _progress(self) -> list[ProgressReader]:
        return [channel.progress for channel in self._by_channel.values()]

"""Lines of a byte stream: only those worth reading, none longer than a bound, cut anywhere by chunks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# What is kept of one line, in bytes. A JSON diagnostic holds its summary twice and its detail once.
LINE_LIMIT = 256 * 1024
# Chunks of a line or less are gathered up to this many bytes: looking at each would cost more than searching them.
BATCH = 16 * 1024

# An unfinished control string loses its introducer only: text must not vanish because a terminator is missing.
# For people OpenTofu 1.12 shows those of a text as pictures: U+241B for the escape, U+240D for the return.
ANSI = re.compile(
    r"[\x1b\u241b]\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]?|[\x1b\u241b\r\u240d]"
)


def clean(line: bytes) -> str:
    """*line* as text without colour, carriage returns and other terminal sequences; any bytes will do."""
    return ANSI.sub("", line.decode("utf-8", "replace"))


class Lines:
    """Hands on the lines that hold one of *needles*, and every line after one for which *read* returned true.

    Before each needle stands a byte that its lines hold and few others do: looking for one byte costs a fiftieth.
    Nothing is looked at before *batch* bytes have come, or the end. *skim* is given all lines, many at once: bytes, and
    where the lines begin and end in them.
    """

    def __init__(
        self,
        needles: tuple[tuple[bytes, bytes], ...],
        read: Callable[[bytes], bool],
        *,
        skim: Callable[[bytes, int, int], object] | None = None,
        batch: int = BATCH,
    ) -> None:
        self._needles = needles
        self._read = read
        self._skim = skim
        self._batch = batch
        self._gathered = bytearray()
        self._every = False
        self._held = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        if not self._gathered and len(chunk) >= self._batch:
            self._look_at(chunk)
            return
        self._gathered += chunk
        if len(self._gathered) >= self._batch:
            self._flush()

    def close(self) -> None:
        """Take the end of the stream for the end of its last line."""
        self._flush()
        if self._held:
            self._release()

    def _flush(self) -> None:
        chunk = bytes(self._gathered)
        self._gathered.clear()
        self._look_at(chunk)

    def _look_at(self, chunk: bytes) -> None:
        last = chunk.rfind(b"\n") + 1
        if not last:
            self._hold(chunk)
            return
        start = 0
        if self._held:
            start = chunk.index(b"\n") + 1
            self._hold(chunk[: start - 1])
            self._release()
        if self._skim:
            self._skim(chunk, start, last)
        # Searching costs a fraction of splitting: a block without a needle is never cut into lines.
        if self._every or self._worth(chunk):
            self._scan(chunk, start, last)
        if last < len(chunk):
            self._hold(chunk[last:])

    def _hold(self, part: bytes) -> None:
        room = LINE_LIMIT - len(self._held)
        if room > 0:
            self._held += part[:room]

    def _release(self) -> None:
        line = bytes(self._held)
        self._held.clear()
        if self._skim:
            self._skim(line, 0, len(line))
        if self._every or self._worth(line):
            self._every = self._read(line)

    def _worth(self, part: bytes) -> bool:
        return any(rare in part and needle in part for rare, needle in self._needles)

    def _scan(self, chunk: bytes, start: int, end: int) -> None:
        hits = [chunk.find(needle, start, end) for _, needle in self._needles]
        while start < end:
            if not self._every:
                hit = self._nearest(hits, chunk, start, end)
                if hit < 0:
                    return
                start = max(start, chunk.rfind(b"\n", start, hit) + 1)
            stop = chunk.index(b"\n", start, end)
            self._every = self._read(chunk[start : min(stop, start + LINE_LIMIT)])
            start = stop + 1

    def _nearest(self, hits: list[int], chunk: bytes, start: int, end: int) -> int:
        for which, hit in enumerate(hits):
            if 0 <= hit < start:
                hits[which] = chunk.find(self._needles[which][1], start, end)
        return min((hit for hit in hits if hit >= 0), default=-1)

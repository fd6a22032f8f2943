"""Read the output of one run of terraform: its errors, its progress, and the end of its last line."""

from __future__ import annotations

import re
from collections.abc import Callable

from tfretry.output.diagnostic import Diagnostic
from tfretry.output.diagnostics import DiagnosticReader
from tfretry.output.progress import ProgressReader
from tfretry.terraform import messages

# Smaller chunks are gathered up to this many bytes: searching each alone would cost more than the search itself.
BATCH_SIZE = 16 * 1024
VERSION_WITHIN = 1024  # bytes
TAIL_SIZE = 256  # bytes: more colour codes than terraform ever writes in a row
COLOUR_OR_RETURN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\r")


class _ChannelReader:
    """Read the bytes of one channel with each of *readers*, and note its first and last bytes."""

    def __init__(self, *readers: DiagnosticReader | ProgressReader) -> None:
        self.head = b""
        self._tail = b""
        self._readers = readers
        self._batch = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes; they may be cut anywhere."""
        if not self._batch and len(chunk) >= BATCH_SIZE:
            self._read(chunk)
            return
        self._batch += chunk
        if len(self._batch) >= BATCH_SIZE:
            self._read_batch()

    def close(self) -> None:
        """Read the rest."""
        self._read_batch()
        for reader in self._readers:
            reader.close()

    @property
    def left_line_open(self) -> bool:
        """Whether the visible text ends without a newline; known after `close`."""
        visible = COLOUR_OR_RETURN.sub(b"", self._tail)
        return bool(visible) and not visible.endswith(b"\n")

    def _read_batch(self) -> None:
        batch = bytes(self._batch)
        self._batch.clear()
        self._read(batch)

    def _read(self, chunk: bytes) -> None:
        self.head = self.head or chunk[:VERSION_WITHIN]
        self._tail = (self._tail + chunk[-TAIL_SIZE:])[-TAIL_SIZE:]
        for reader in self._readers:
            reader.feed(chunk)


class OutputReader:
    """Read the output of one run, and call *found* with each error diagnostic in it; complete after `close`."""

    def __init__(self, found: Callable[[Diagnostic], object]) -> None:
        reader = ProgressReader()
        self.progress = reader.progress
        # Terraform reports its progress on stdout only: on stderr it is a quotation.
        self._by_channel = {
            1: _ChannelReader(DiagnosticReader(found), reader),
            2: _ChannelReader(DiagnosticReader(found)),
        }

    def feed(self, channel: int, chunk: bytes) -> None:
        """Read the next bytes of *channel*: 1 for stdout, or 2 for stderr."""
        self._by_channel[channel].feed(chunk)

    def close(self) -> None:
        """Read the rest."""
        for channel in self._by_channel.values():
            channel.close()

    def left_line_open(self, channel: int) -> bool:
        """Whether the last line of *channel* has no newline."""
        return self._by_channel[channel].left_line_open

    @property
    def version(self) -> str | None:
        """The version of terraform, which only -json reports."""
        match = messages.VERSION.search(self._by_channel[1].head)
        return match[1].decode("ascii", "replace") if match else None

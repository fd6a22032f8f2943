"""What the command of --on-retry prints, on its way to our stderr. Fed from another thread, while ours waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tfretry.report.stderr import write_stderr

LONGEST_LINE = 65536  # bytes; a longer one becomes several, since memory is bounded


class OpenLine(Protocol):
    """Where our stderr stands."""

    is_mid_line: bool


class Unchanged:
    """The bytes as they are, beginning on a line of their own."""

    def __init__(self, stderr: OpenLine) -> None:
        self._stderr = stderr
        self._ends_line = stderr.is_mid_line

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        write_stderr(b"\n" * self._ends_line + chunk)
        self._ends_line = False
        self._stderr.is_mid_line = not chunk.endswith(b"\n")

    def close(self) -> None:
        """Nothing is held back."""


class Lines:
    """Each line as a text to *say*."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._say(line.decode("utf-8", "replace"))

    def close(self) -> None:
        """No more will come: say what has no newline."""
        if self._rest:
            self._say(self._rest.decode("utf-8", "replace"))
        self._rest = b""

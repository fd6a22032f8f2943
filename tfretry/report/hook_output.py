"""Pass the output of the --on-retry command on to stderr; called from another thread, while ours waits for it."""

from __future__ import annotations

from collections.abc import Callable

from tfretry.report.stderr import Stderr, write_stderr

LONGEST_LINE = 65536  # bytes; a longer line is split, so that memory is bounded


class Unchanged:
    """Passes the bytes on as they are, from a line of their own on."""

    def __init__(self, stderr: Stderr) -> None:
        self._stderr = stderr
        self._ends_line = stderr.is_mid_line

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        write_stderr(b"\n" * self._ends_line + chunk)
        self._ends_line = False
        self._stderr.is_mid_line = not chunk.endswith(b"\n")

    def close(self) -> None:
        """Do nothing: no byte is held back."""


class LineByLine:
    """Calls *report* with each line."""

    def __init__(self, report: Callable[[str], object]) -> None:
        self._report = report
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._report(line.decode("utf-8", "replace"))

    def close(self) -> None:
        """Report the last line if it has no newline."""
        if self._rest:
            self._report(self._rest.decode("utf-8", "replace"))
        self._rest = b""

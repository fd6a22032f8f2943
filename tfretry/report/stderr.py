"""Write to stderr: whole lines, one write each. Every command imports this, so it imports nothing heavy."""

from __future__ import annotations

import os
import select

TIMEOUT_MS = 2000  # after it the line is dropped: a reader that stalls must not keep tfretry from its signals
ATOMIC_SIZE = 512  # bytes; a pipe that is ready takes at least so many (POSIX)


class Stderr:
    """Our lines on stderr, each on a line of its own; structlog's logger."""

    def __init__(self) -> None:
        self.is_mid_line = False

    def write(self, text: str) -> None:
        """Write *text* in one write, after ending a line that terraform left open."""
        write_stderr(("\n" * self.is_mid_line + text).encode("utf-8", "replace"))
        self.is_mid_line = False

    def msg(self, line: str) -> None:
        """Write *line* and a newline, in one write."""
        self.write(f"{line}\n")


def write_stderr(line: bytes, *, descriptor: int = 2) -> None:
    """Write *line*; if stderr is closed, full or stalled, drop it: nothing of terraform's depends on it."""
    rest = line
    while rest:
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            if not poll.poll(TIMEOUT_MS):
                return
            rest = rest[os.write(descriptor, rest if len(rest) <= select.PIPE_BUF else rest[:ATOMIC_SIZE]) :]
        except BlockingIOError:  # another process has made it non-blocking, and has written first
            continue
        except OSError:
            return


def printable(text: str) -> str:
    """Return *text* with a blank for each character that a terminal may act on."""
    return "".join(character if character.isprintable() else " " for character in text)

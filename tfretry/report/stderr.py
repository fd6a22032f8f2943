"""Our way to stderr: whole lines, one write each; importing this costs nothing."""

from __future__ import annotations

import os
import select

PATIENCE_MS = 2000  # a reader that reads nothing for so long loses the line, rather than stop us from heeding signals
ATOMIC_SIZE = 512  # at least so much fits a pipe that is ready (POSIX)


def write_stderr(line: bytes, *, descriptor: int = 2) -> None:
    """Write *line*; a stderr that is closed, full, stalled or gone changes nothing for terraform."""
    rest = line
    while rest:
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            if not poll.poll(PATIENCE_MS):
                return
            rest = rest[os.write(descriptor, rest if len(rest) <= select.PIPE_BUF else rest[:ATOMIC_SIZE]) :]
        except BlockingIOError:  # somebody made it non-blocking, and somebody else was quicker
            continue
        except OSError:
            return


def printable(text: str) -> str:
    """*text* on one line, without the characters that a terminal acts on."""
    return "".join(character if character.isprintable() else " " for character in text)

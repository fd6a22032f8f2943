"""Our way to stderr: whole lines, one write each; importing this costs nothing."""

from __future__ import annotations

import os


def write_stderr(line: bytes, *, descriptor: int = 2) -> None:
    """Write *line* at once; a stderr that is closed, full or gone changes nothing for terraform."""
    rest = line
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # somebody made it non-blocking
            import select

            select.select([], [descriptor], [])
        except OSError:
            return

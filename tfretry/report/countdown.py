"""A line on the terminal that counts the seconds of a wait, and is gone when the wait is over."""

from __future__ import annotations

import math
import os
import time
import unicodedata
from collections.abc import Callable

FALLBACK_COLUMNS = 80
# To the left margin, then erase to the end of the display (ECMA-48): in a window that has become narrower the line may
# take several rows now.
ERASE = "\r\x1b[J"


def count_down(
    wait_s: float,
    *,
    sleep: Callable[[float], int | None],
    describe: Callable[[float], str],
    write: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    columns: Callable[[], int] | None = None,
) -> int | None:
    """Wait *wait_s* seconds by *sleep* and rewrite what *describe* says of the seconds left, each second.

    Returns early with the number of a stop signal that *sleep* met.
    """
    width = columns or terminal_columns
    end_s = clock() + wait_s
    met = None
    while met is None and (left_s := end_s - clock()) > 0:
        # One column stays free: a full line makes some terminals wrap, and then it cannot be rewritten. The cursor
        # waits at the left: what is typed (^C) lengthens no line, and a terminal that wraps anew keeps it on that row.
        line = fitting(describe(math.ceil(left_s)), width() - 1)
        write(f"{ERASE}{line}\r")
        met = sleep(left_s - (math.ceil(left_s) - 1))
    write(ERASE)
    return met


def fitting(text: str, columns: int) -> str:
    """As much of *text* as *columns* of a terminal hold: an East Asian wide character takes two."""
    kept = 0
    for character in text:
        columns -= 2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        if columns < 0:
            break
        kept += 1
    return text[:kept]


def terminal_columns() -> int:
    """The width of the terminal behind stderr."""
    try:
        return os.get_terminal_size(2).columns or FALLBACK_COLUMNS
    except OSError:
        return FALLBACK_COLUMNS

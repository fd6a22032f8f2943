"""Count the seconds of a wait in one line on the terminal, which is erased when the wait is over."""

from __future__ import annotations

import math
import os
import time
import unicodedata
from collections.abc import Callable

FALLBACK_COLUMNS = 80
# To the left margin, then erase to the end of the display (ECMA-48): after the window has been made narrower, the line
# may take several rows.
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
    """Wait *wait_s* seconds by *sleep*; each second, rewrite the line that *describe* returns for the seconds left.

    Return early with the number of a terminating signal if *sleep* returns one.
    """
    width = columns or terminal_columns
    end_s = clock() + wait_s
    signal_number = None
    while signal_number is None and (left_s := end_s - clock()) > 0:
        # One column stays free: a full line makes some terminals wrap, and then it cannot be rewritten. The cursor
        # stands at the left: the echo of a key (^C) then lengthens no line, and a terminal that wraps the line again
        # keeps the cursor on its first row.
        line = fitting(describe(math.ceil(left_s)), width() - 1)
        write(f"{ERASE}{line}\r")
        signal_number = sleep(left_s - (math.ceil(left_s) - 1))
    write(ERASE)
    return signal_number


def fitting(text: str, columns: int) -> str:
    """Return as much of *text* as fits into *columns*; an East Asian wide character takes two."""
    kept = 0
    for character in text:
        columns -= 2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        if columns < 0:
            break
        kept += 1
    return text[:kept]


def terminal_columns() -> int:
    """Return the width of the terminal at stderr."""
    try:
        return os.get_terminal_size(2).columns or FALLBACK_COLUMNS
    except OSError:
        return FALLBACK_COLUMNS

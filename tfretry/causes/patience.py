"""Users' regular expressions, bounded in the text that they see and in the time that they take together."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# What a pattern sees of a diagnostic, in characters. A pattern of cubic cost would still take hours on it, one with
# nested repeats for ever: hence the time as well.
SEEN = 4096
PATIENCE_S = 0.5


class OutOfPatienceError(Exception):
    """Searches took longer than PATIENCE_S of processor time."""


@contextmanager
def patience() -> Iterator[None]:
    """Raise OutOfPatienceError within as soon as that has taken PATIENCE_S of processor time."""
    # CPython's matcher looks for signals as it goes, in the main thread, which alone may search here. Processor time,
    # so that a suspended job is not blamed.
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _give_up(_signum: int, _frame: FrameType | None) -> None:
    raise OutOfPatienceError

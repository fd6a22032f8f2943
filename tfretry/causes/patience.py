"""Searches with users' regular expressions, bounded in the time that they take together."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE_S = 0.5


class _OutOfPatienceError(Exception):
    """It took longer than PATIENCE_S of processor time."""


@contextmanager
def patience() -> Iterator[None]:
    """End what is within as soon as that has taken PATIENCE_S of processor time."""
    # CPython's matcher looks for signals as it goes, in the main thread, which alone may search here. Processor time,
    # so that a suspended job is not blamed.
    before = signal.signal(signal.SIGVTALRM, _give_up)
    try:
        with suppress(_OutOfPatienceError):
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _give_up(_signum: int, _frame: FrameType | None) -> None:
    raise _OutOfPatienceError

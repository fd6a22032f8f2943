"""A limit for the processor time of searches with users' regular expressions."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TIME_LIMIT_S = 0.5


class _TimeLimitError(Exception):
    """The time limit is reached."""


@contextmanager
def time_limit() -> Iterator[None]:
    """Leave the block after TIME_LIMIT_S of processor time; only in the main thread."""
    # CPython's matcher handles signals while it searches. Processor time, so that a suspended job loses nothing.
    previous = signal.signal(signal.SIGVTALRM, _raise)
    try:
        with suppress(_TimeLimitError):
            signal.setitimer(signal.ITIMER_VIRTUAL, TIME_LIMIT_S)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.signal(signal.SIGVTALRM, previous)


def _raise(_signum: int, _frame: FrameType | None) -> None:
    raise _TimeLimitError

"""The user's terminal on stdin: its echo and its input queue."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Iterator
from typing import Any

LOCAL_FLAGS = 3  # index into the list that tcgetattr returns


@contextlib.contextmanager
def echo_restored() -> Iterator[None]:
    """Switch echo on again at the end: terraform switches it off to ask for a secret, and may die at that prompt."""
    try:
        before = termios.tcgetattr(0)
    except termios.error:
        before = None
    try:
        yield
    finally:
        if before and before[LOCAL_FLAGS] & termios.ECHO:
            _restore_echo(before)


def forget_typed() -> None:
    """Discard input that was typed and not read: it does not answer a later question.

    Do nothing in the background, where SIGTTOU would stop us.
    """
    with contextlib.suppress(termios.error):
        if not _in_background():
            termios.tcflush(0, termios.TCIFLUSH)


def _restore_echo(before: list[Any]) -> None:
    with contextlib.suppress(termios.error):  # the terminal may be gone
        if not termios.tcgetattr(0)[LOCAL_FLAGS] & termios.ECHO and not _in_background():
            termios.tcsetattr(0, termios.TCSANOW, before)


def _in_background() -> bool:
    """Whether another process group is in the foreground of the terminal: its settings are not ours to change."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False

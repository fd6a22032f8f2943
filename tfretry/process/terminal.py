"""The user's terminal on stdin, as terraform may leave it."""

from __future__ import annotations

import contextlib
import os
import termios
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCAL_FLAGS = 3  # index into what tcgetattr returns


@contextlib.contextmanager
def echo_restored() -> Iterator[None]:
    """Terraform switches echo off to ask for a secret; where it dies at that prompt, switch it on again."""
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
    """Throw away what has been typed and not read: it was no answer to what will be asked.

    Not from the background, where it would stop us.
    """
    with contextlib.suppress(termios.error):
        if not _in_background():
            termios.tcflush(0, termios.TCIFLUSH)


def _restore_echo(before: list[Any]) -> None:
    with contextlib.suppress(termios.error):  # the terminal may be gone
        if not termios.tcgetattr(0)[LOCAL_FLAGS] & termios.ECHO and not _in_background():
            termios.tcsetattr(0, termios.TCSANOW, before)


def _in_background() -> bool:
    """Whether the terminal is somebody else's now, whose settings are not ours to change."""
    try:
        return os.tcgetpgrp(0) != os.getpgrp()
    except OSError:
        return False

"""Block our signals, and restore signals and locale for the next program. Light: our first statement needs it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Set as AbstractSet

TERMINATING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
BLOCKED = TERMINATING | {signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH}
SET_BY_PYTHON = ("C.UTF-8", "C.utf8", "UTF-8")  # values of LC_CTYPE, in the C locale


def block() -> set[int]:
    """Block the signals that we wait for; return the previous mask."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED))


def current() -> set[int]:
    """Return the current mask."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def restore(mask_before: AbstractSet[int]) -> None:
    """Set the mask that `block` returned."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)


def restore_for_exec(mask_before: AbstractSet[int]) -> None:
    """Restore *mask_before*, and the dispositions and the locale that Python changed at its start.

    Python ignores SIGPIPE and SIGXFSZ, whether our caller ignored them or not: they get the default disposition.
    """
    _restore_locale()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    restore(mask_before)


def _restore_locale() -> None:
    """Restore LC_CTYPE, which Python adds in the C locale (PEP 538), from the environment that the kernel keeps."""
    if os.environ.get("LC_CTYPE") not in SET_BY_PYTHON:
        return
    with contextlib.suppress(OSError), open("/proc/self/environ", "rb") as file:
        variables = dict(variable.partition(b"=")[::2] for variable in file.read().split(b"\0"))
        if b"LC_CTYPE" in variables:  # overwritten, not deleted first: a Go library reads the original array
            os.environ["LC_CTYPE"] = os.fsdecode(variables[b"LC_CTYPE"])
        else:
            del os.environ["LC_CTYPE"]

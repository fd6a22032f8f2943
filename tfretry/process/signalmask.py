"""Which signals we block, and how the next program sees neither that nor Python: light, for our first statement."""

from __future__ import annotations

import contextlib
import os
import signal

TYPE_CHECKING = False  # typing would cost a few milliseconds
if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

BLOCKED = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGTERM,
        signal.SIGCHLD,
        signal.SIGCONT,
        signal.SIGWINCH,
    }
)
OF_PYTHONS_CHOICE = ("C.UTF-8", "C.utf8", "UTF-8")  # for LC_CTYPE, where the locale is C


def block() -> set[int]:
    """Block the signals that we wait for; return the mask before."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED))


def current() -> set[int]:
    """Return the mask as it is."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def restore(mask_before: AbstractSet[int]) -> None:
    """Undo `block`."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)


def restore_for_exec(mask_before: AbstractSet[int]) -> None:
    """Put back what Python changed at its start, and *mask_before*.

    What it ignores (SIGPIPE, SIGXFSZ) cannot be told from what our caller ignored: it becomes the default.
    """
    _restore_locale()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    restore(mask_before)


def _restore_locale() -> None:
    """In the C locale Python adds LC_CTYPE to the environment (PEP 538); the kernel still knows how it was."""
    if os.environ.get("LC_CTYPE") not in OF_PYTHONS_CHOICE:
        return
    with contextlib.suppress(OSError), open("/proc/self/environ", "rb") as before:
        variables = dict(variable.partition(b"=")[::2] for variable in before.read().split(b"\0"))
        if b"LC_CTYPE" in variables:  # not taken out first: a Go library reads the array that the kernel has made
            os.environ["LC_CTYPE"] = os.fsdecode(variables[b"LC_CTYPE"])
        else:
            del os.environ["LC_CTYPE"]

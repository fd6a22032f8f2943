"""Which signals we block, and how to undo it: light enough for the first statement of the program."""

from __future__ import annotations

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


def block() -> set[int]:
    """Block the signals that we wait for; return the mask before."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED))


def restore(mask_before: AbstractSet[int]) -> None:
    """Undo `block`."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask_before)


def restore_for_exec(mask_before: AbstractSet[int]) -> None:
    """Put back the dispositions that Python changed, and *mask_before*: the next program sees neither of us.

    What Python ignores at its start (SIGPIPE, SIGXFSZ) cannot be told from what our caller ignored: default.
    """
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    restore(mask_before)

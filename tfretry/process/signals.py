"""Wait in the main thread for the signals that the whole program blocks, and restore them for children."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import FrameType
from typing import Self

from tfretry.process.channels import open_standard_descriptors
from tfretry.process.forwarding import ReceivedSignal
from tfretry.process.signalmask import BLOCKED, TERMINATING, restore, restore_for_exec

SI_KERNEL = 0x80  # <asm-generic/siginfo.h>: sent by the kernel; of our signals, those of the terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """The moment right before this process forked, by the monotonic clock, and the signals pending then."""

    at: float
    pending: frozenset[int]


class Signals:
    """Receives our signals while it is entered; *mask_before* is the mask that `signalmask.block` returned."""

    def __init__(self, mask_before: AbstractSet[int]) -> None:
        self._mask_before = mask_before
        self._waiter: _MaskWaiter | _HandlerWaiter
        self._children_ignored = False
        self.last_fork = Fork(at=0.0, pending=frozenset())

    def __enter__(self) -> Self:
        open_standard_descriptors()
        os.register_at_fork(before=self._note_fork)
        # Do not wait for what our caller ignores (nohup): a blocked signal is queued even if it is ignored.
        ignored = {signo for signo in BLOCKED if signal.getsignal(signo) == signal.SIG_IGN}
        waited = BLOCKED - ignored - self._mask_before | {signal.SIGCHLD}
        # If SIGCHLD is ignored, the kernel reaps the child, and its exit status is lost.
        self._children_ignored = signal.SIGCHLD in ignored
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._waiter = _MaskWaiter(waited) if hasattr(signal, "sigtimedwait") else _HandlerWaiter(waited)
        return self

    def __exit__(self, *_: object) -> None:
        while self.take(0):  # a signal after terraform's exit must not kill us
            pass
        self._waiter.close()
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        restore(self._mask_before)

    def take(self, timeout_s: float | None) -> ReceivedSignal | None:
        """Return the next signal; None if there is none within *timeout_s*. Without a timeout, wait for ever."""
        return self._waiter.wait(timeout_s)

    def take_pending(self) -> list[ReceivedSignal]:
        """Return all pending signals."""
        return list(iter(lambda: self.take(0), None))

    def sleep(self, seconds: float) -> int | None:
        """Sleep; if a terminating signal comes, return its number at once."""
        deadline = time.monotonic() + seconds
        while received := self.take(max(0, deadline - time.monotonic())):
            if received.signal in TERMINATING:
                return received.signal
        return None

    def _note_fork(self) -> None:
        self.last_fork = Fork(at=time.monotonic(), pending=frozenset(signal.sigpending()))

    def restore_in_child(self) -> None:
        """Restore dispositions and mask as our caller set them; call it between fork and exec."""
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for signo in BLOCKED:
            if callable(signal.getsignal(signo)):
                signal.signal(signo, signal.SIG_DFL)
        restore_for_exec(self._mask_before)


def exit_like(exit_code: int) -> int:
    """Return *exit_code* if terraform exited; if a signal killed it (a negative number), die of that signal too."""
    return exit_code if exit_code >= 0 else die_of(-exit_code)


def die_of(signo: int) -> int:
    """Die of *signo*, as terraform did; return 128+N if that does not kill us, since we are PID 1."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # our core file would overwrite terraform's
    with contextlib.suppress(OSError):  # the disposition of SIGKILL cannot be set
        signal.signal(signo, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signo})
    os.kill(os.getpid(), signo)
    return 128 + signo


class _MaskWaiter:
    """Waits with sigtimedwait."""

    def __init__(self, waited: AbstractSet[int]) -> None:
        self._waited = waited

    def wait(self, timeout_s: float | None) -> ReceivedSignal | None:
        info: signal.struct_siginfo | None
        info = signal.sigwaitinfo(self._waited) if timeout_s is None else signal.sigtimedwait(self._waited, timeout_s)
        if info is None:
            return None
        return ReceivedSignal(signal=info.si_signo, at=time.monotonic(), from_terminal=info.si_code == SI_KERNEL)

    def close(self) -> None:
        """Nothing was changed."""


class _HandlerWaiter:
    """Waits with handlers where there is no sigtimedwait (macOS). The sender is unknown: `from_terminal` is False."""

    def __init__(self, waited: AbstractSet[int]) -> None:
        self._waited = waited
        self._received: list[int] = []
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)
        self._fd_before = signal.set_wakeup_fd(self._write_end)
        self._handlers_before = {signo: signal.signal(signo, _do_nothing) for signo in waited}

    def wait(self, timeout_s: float | None) -> ReceivedSignal | None:
        if not self._received:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._waited)
            try:
                ready, _, _ = select.select([self._read_end], [], [], timeout_s)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)
            numbers = os.read(self._read_end, 4096) if ready else b""
            self._received.extend(signo for signo in numbers if signo in self._waited)
        return ReceivedSignal(signal=self._received.pop(0), at=time.monotonic()) if self._received else None

    def close(self) -> None:
        """Restore the handlers."""
        for signo, handler in self._handlers_before.items():
            signal.signal(signo, handler)
        signal.set_wakeup_fd(self._fd_before)
        os.close(self._read_end)
        os.close(self._write_end)


def _do_nothing(_signo: int, _frame: FrameType | None) -> None:
    """Exist, so that Python writes the number to the wakeup descriptor."""

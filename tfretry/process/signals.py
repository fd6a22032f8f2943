"""The signals of the whole program: blocked, waited for in the main thread, put back for others."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from tfretry.process.channels import open_standard_descriptors
from tfretry.process.forwarding import TERMINATING, ReceivedSignal
from tfretry.process.signalmask import BLOCKED, restore_for_exec

if TYPE_CHECKING:
    from types import FrameType

SI_KERNEL = 0x80  # <asm-generic/siginfo.h>: sent by the kernel itself, for us the terminal


class Waiter(Protocol):
    """A way to wait for one of the blocked signals."""

    def wait(self, timeout_s: float | None) -> ReceivedSignal | None:
        """The next signal, or nothing after *timeout_s*."""

    def close(self) -> None:
        """Put back what waiting has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """What was known directly before this process forked: the time, of the monotonic clock, and what was pending."""

    at: float
    pending: frozenset[int]


class Signals:
    """Holds our signals for as long as it is entered; *mask_before* is what `signalmask.block` returned."""

    def __init__(self, mask_before: AbstractSet[int]) -> None:
        self._mask_before = mask_before
        self._waits: Waiter
        self._children_ignored = False
        self.last_fork = Fork(at=0.0, pending=frozenset())

    def __enter__(self) -> Self:
        open_standard_descriptors()
        os.register_at_fork(before=self._note_fork)
        # Ignored by our caller (nohup): not ours either. A blocked signal is queued even if it is ignored.
        ignored = {signo for signo in BLOCKED if signal.getsignal(signo) == signal.SIG_IGN}
        waited = BLOCKED - ignored - self._mask_before | {signal.SIGCHLD}
        # Where SIGCHLD is ignored the kernel reaps, and nobody learns how terraform ended.
        self._children_ignored = signal.SIGCHLD in ignored
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._waits = _ByMask(waited) if hasattr(signal, "sigtimedwait") else _ByHandlers(waited)
        return self

    def __exit__(self, *_: object) -> None:
        while self.take(0):  # what comes after the end changes nothing: it must not kill us now
            pass
        self._waits.close()
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)

    def take(self, timeout_s: float | None) -> ReceivedSignal | None:
        """The next signal, or nothing after *timeout_s* (None: wait for ever)."""
        return self._waits.wait(timeout_s)

    def take_pending(self) -> list[ReceivedSignal]:
        """All signals that are there now."""
        return list(iter(lambda: self.take(0), None))

    def sleep(self, seconds: float) -> int | None:
        """Wait; return early, with its number, when a stop signal comes."""
        deadline = time.monotonic() + seconds
        while received := self.take(max(0, deadline - time.monotonic())):
            if received.signal in TERMINATING:
                return received.signal
        return None

    def _note_fork(self) -> None:
        self.last_fork = Fork(at=time.monotonic(), pending=frozenset(signal.sigpending()))

    def restore_in_child(self) -> None:
        """Between fork and exec: what our caller's children would have had."""
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for signo in BLOCKED:
            if callable(signal.getsignal(signo)):
                signal.signal(signo, signal.SIG_DFL)
        restore_for_exec(self._mask_before)


def exit_like(exit_code: int) -> int:
    """Our exit code after terraform's *exit_code*; where that is negative, terraform died of a signal, and so do we."""
    return exit_code if exit_code >= 0 else die_of(-exit_code)


def die_of(signo: int) -> int:
    """Die of *signo*, as terraform did; as PID 1, which no signal kills, return the exit code 128+N instead."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a core of ours would overwrite terraform's
    with contextlib.suppress(OSError):  # SIGKILL has no other disposition
        signal.signal(signo, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signo})
    os.kill(os.getpid(), signo)
    return 128 + signo


class _ByMask:
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


class _ByHandlers:
    """For systems without sigtimedwait: they never tell who sent a signal, so none is from the terminal."""

    def __init__(self, waited: AbstractSet[int]) -> None:
        self._waited = waited
        self._came: list[int] = []
        self._reads, self._written = os.pipe()
        os.set_blocking(self._reads, False)
        os.set_blocking(self._written, False)
        self._fd_before = signal.set_wakeup_fd(self._written)
        self._handlers_before = {signo: signal.signal(signo, _note) for signo in waited}

    def wait(self, timeout_s: float | None) -> ReceivedSignal | None:
        if not self._came:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._waited)
            try:
                ready, _, _ = select.select([self._reads], [], [], timeout_s)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, self._waited)
            written = os.read(self._reads, 4096) if ready else b""
            self._came.extend(signo for signo in written if signo in self._waited)
        return ReceivedSignal(signal=self._came.pop(0), at=time.monotonic()) if self._came else None

    def close(self) -> None:
        """Put the handlers back."""
        for signo, handler in self._handlers_before.items():
            signal.signal(signo, handler)
        signal.set_wakeup_fd(self._fd_before)
        os.close(self._reads)
        os.close(self._written)


def _note(_signo: int, _frame: FrameType | None) -> None:
    """The number goes through the wakeup descriptor; a handler only has to exist."""

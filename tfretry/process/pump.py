"""Carries terraform's bytes to where they belong, and shows them to whoever watches."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import stat
import termios
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READ_SIZE = 65536
SIZE_OF_INT = 4  # bytes
DRAIN_S = 2.0  # a grandchild may hold the channel open for ever
STALLED_MS = 2000  # after our end nobody can tell us that a reader will not read any more
OWED = 1 << 20  # terraform's own last bytes are written even later, to a slow reader; no pipe holds more


class Flow:
    """The bytes of one channel on their way."""

    def __init__(self, *, source: int, target: int, watchers: Sequence[Callable[[bytes], object]]) -> None:
        self.source = source
        self.target = target
        self.watchers = tuple(watchers)
        self.held = memoryview(b"")
        self._room = select.poll()
        self._room.register(target, select.POLLOUT)
        self._pipe_size = _pipe_size(target)

    def read(self) -> bytes:
        """The next bytes; none when everybody has closed the channel (a terminal says EIO then)."""
        try:
            return os.read(self.source, READ_SIZE)
        except OSError:
            return b""

    def write(self) -> None:
        """Write what is held, as far as that does not block; forget what nobody can take any more.

        Terraform must not suffer from a reader that has gone away or a full disk: it would die of SIGPIPE,
        and leave an empty state file and a lock.
        """
        while self.held and self._room.poll(0):
            try:
                written = os.write(self.target, self.held[: self._takes()])
            except BlockingIOError:  # somebody made it non-blocking
                return
            except OSError:
                written = len(self.held)
            self.held = self.held[written:]

    def write_or_forget(self, patience_ms: int) -> bool:
        """Write what is held; forget the rest where there is no room for it within *patience_ms*: then False."""
        while self.held:
            if not self._room.poll(patience_ms):
                self.held = memoryview(b"")
                return False
            self.write()
        return True

    def _takes(self) -> int:
        """How many bytes the target, which has room, is sure to take at once."""
        if self._pipe_size and not any(fcntl.ioctl(self.target, termios.FIONREAD, bytes(SIZE_OF_INT))):
            return self._pipe_size  # it is empty
        return select.PIPE_BUF


def _pipe_size(fd: int) -> int:
    """How many bytes the pipe *fd* holds; 0 where that cannot be known, or it is none."""
    is_pipe = hasattr(fcntl, "F_GETPIPE_SZ") and stat.S_ISFIFO(os.fstat(fd).st_mode)
    return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) if is_pipe else 0


def carry_to_the_end(flows: Sequence[Flow]) -> None:
    """Carry *flows* until everybody has closed each; close its target then, as whoever wrote to it without us does.

    A reader that pauses holds up whoever writes once, for 2 s: what it does not take is lost.
    """
    poll = select.poll()
    for flow in flows:
        poll.register(flow.source, select.POLLIN)
    sources = {flow.source: flow for flow in flows}
    takes = {flow.source: flow.write_or_forget(STALLED_MS) for flow in flows}
    while sources:
        for source, _ in poll.poll():
            flow = sources[source]
            flow.held = memoryview(flow.read())
            if flow.held:
                takes[source] = flow.write_or_forget(STALLED_MS if takes[source] else 0)
                continue
            poll.unregister(source)
            os.close(sources.pop(source).target)


class Pump(threading.Thread):
    """One thread for all flows; a reader of one that pauses does not hold up the others."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        super().__init__(name="pump", daemon=True)
        self.done = False
        self.failure: Exception | None = None  # of a watcher, which has not seen everything then
        self._flows: dict[int, Flow] = {}  # by the descriptor that each is waiting for
        self._poll = select.poll()
        self._woken, self._wakes = os.pipe()
        self._poll.register(self._woken, select.POLLIN)
        self._deadline: float | None = None
        self._owed = OWED
        self._abandoned = False
        for flow in flows:
            self._await(flow)

    def run(self) -> None:
        """Carry until every channel is closed, or terraform has ended and what it left is written."""
        try:
            while self._flows and not self._abandoned and self._carry():
                pass
        finally:
            self.done = True
            os.kill(os.getpid(), signal.SIGCHLD)  # the main thread waits for nothing but signals

    def drain(self) -> None:
        """Terraform has ended: carry what is there, and 2 s long what its children still write."""
        self._deadline = time.monotonic() + DRAIN_S
        os.write(self._wakes, b".")

    def stop(self) -> list[Flow]:
        """Stop at once; returns, when the thread has ended, the flows that have not come to their ends."""
        self._abandoned = True
        os.write(self._wakes, b".")
        if self.is_alive():
            self.join()
        return list(self._flows.values())

    def close(self) -> None:
        """Stop at once, for good."""
        self.stop()
        os.close(self._wakes)
        os.close(self._woken)

    def _carry(self) -> bool:
        """Move what can be moved now; whether there may be more."""
        ready = self._poll.poll(self._patience_ms())
        for fd, _ in ready:
            if fd == self._woken:
                os.read(fd, 64)
            else:
                self._move(self._flows.pop(fd), fd)
        if self._deadline is None or time.monotonic() < self._deadline:
            return True
        return bool(ready) and self._owed > 0

    def _move(self, flow: Flow, fd: int) -> None:
        self._poll.unregister(fd)
        chunk = b""
        if not flow.held:
            chunk = flow.read()
            if not chunk:
                return
            flow.held = memoryview(chunk)
            self._owed -= len(chunk) if self._deadline else 0
        flow.write()
        self._show(flow, chunk)
        self._await(flow)

    def _await(self, flow: Flow) -> None:
        fd, event = (flow.target, select.POLLOUT) if flow.held else (flow.source, select.POLLIN)
        self._flows[fd] = flow
        self._poll.register(fd, event)

    def _show(self, flow: Flow, chunk: bytes) -> None:
        if not chunk:
            return
        try:
            for watch in flow.watchers:
                watch(chunk)
        except Exception as error:  # noqa: BLE001  # whatever fails to watch, the bytes go on
            flow.watchers = ()
            self.failure = self.failure or error

    def _patience_ms(self) -> float | None:
        if self._deadline is None or any(flow.held for flow in self._flows.values()):
            return None
        return max(0.0, self._deadline - time.monotonic()) * 1000

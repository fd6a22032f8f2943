"""Copy terraform's output to where it belongs, and show it to its consumers on the way."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import stat
import termios
import threading
import time
from collections.abc import Callable, Sequence

READ_SIZE = 65536  # bytes
SIZE_OF_INT = 4  # bytes
DRAIN_S = 2.0  # limit after terraform's exit: a grandchild may keep the channel open for ever
STALLED_MS = 2000  # limit after our own exit, when no signal can tell us to stop waiting for a reader
LAST_OUTPUT_SIZE = 1 << 20  # bytes that are read even after DRAIN_S, for slow readers: no pipe holds more


class Flow:
    """The way of one channel's bytes from *source* to *target*; each of *watchers* is called with each chunk."""

    def __init__(self, *, source: int, target: int, watchers: Sequence[Callable[[bytes], object]]) -> None:
        self.source = source
        self.target = target
        self.watchers = tuple(watchers)
        self.unwritten = memoryview(b"")
        self._room = select.poll()
        self._room.register(target, select.POLLOUT)
        self._pipe_size = _pipe_size(target)

    def read(self) -> bytes:
        """Return the next bytes; none at end-of-file (a terminal gives EIO then)."""
        try:
            return os.read(self.source, READ_SIZE)
        except OSError:
            return b""

    def write(self) -> None:
        """Write as much as possible without blocking; discard it if the target cannot be written any more.

        Neither a reader that has gone away nor a full disk may stop terraform: it would die of SIGPIPE, and leave an
        empty state file and a lock.
        """
        while self.unwritten and self._room.poll(0):
            try:
                written = os.write(self.target, self.unwritten[: self._safe_size()])
            except BlockingIOError:  # some other process has made the target non-blocking
                return
            except OSError:
                written = len(self.unwritten)
            self.unwritten = self.unwritten[written:]

    def write_or_discard(self, timeout_ms: int) -> bool:
        """Write everything; if the target has no room for *timeout_ms*, discard the rest and return False."""
        while self.unwritten:
            if not self._room.poll(timeout_ms):
                self.unwritten = memoryview(b"")
                return False
            self.write()
        return True

    def _safe_size(self) -> int:
        """Return how many bytes the target, which has some room, takes without blocking."""
        if self._pipe_size and not any(fcntl.ioctl(self.target, termios.FIONREAD, bytes(SIZE_OF_INT))):
            return self._pipe_size  # it is empty
        return select.PIPE_BUF


def _pipe_size(fd: int) -> int:
    """Return the capacity of the pipe *fd* in bytes; 0 if it is not a pipe, or its capacity is unknown."""
    is_pipe = hasattr(fcntl, "F_GETPIPE_SZ") and stat.S_ISFIFO(os.fstat(fd).st_mode)
    return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) if is_pipe else 0


def copy_until_eof(flows: Sequence[Flow]) -> None:
    """Copy each of *flows* until end-of-file, then close its target, as its writers would do without us.

    A reader that pauses blocks the writers once, for STALLED_MS; after that, whatever it does not take is lost.
    """
    poll = select.poll()
    for flow in flows:
        poll.register(flow.source, select.POLLIN)
    open_flows = {flow.source: flow for flow in flows}
    is_read = {flow.source: flow.write_or_discard(STALLED_MS) for flow in flows}
    while open_flows:
        for source, _ in poll.poll():
            flow = open_flows[source]
            flow.unwritten = memoryview(flow.read())
            if flow.unwritten:
                is_read[source] = flow.write_or_discard(STALLED_MS if is_read[source] else 0)
                continue
            poll.unregister(source)
            os.close(open_flows.pop(source).target)


class Pump(threading.Thread):
    """One thread that copies all flows; a slow reader of one of them does not delay the others."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        super().__init__(name="pump", daemon=True)
        self.done = False
        self.failure: Exception | None = None  # the first that a watcher raised
        self._flows: dict[int, Flow] = {}  # by the descriptor that each waits for
        self._poll = select.poll()
        self._wake_read_end, self._wake_write_end = os.pipe()
        self._poll.register(self._wake_read_end, select.POLLIN)
        self._deadline: float | None = None
        self._bytes_left = LAST_OUTPUT_SIZE
        self._is_stopped = False
        for flow in flows:
            self._wait_for(flow)

    def run(self) -> None:
        """Copy until end-of-file on every flow, or until drained or stopped."""
        try:
            while self._flows and not self._is_stopped and self._copy():
                pass
        finally:
            self.done = True
            os.kill(os.getpid(), signal.SIGCHLD)  # wakes the main thread, which waits for signals only

    def set_deadline(self) -> None:
        """Terraform has exited: copy what is already written, and for DRAIN_S what its children still write."""
        self._deadline = time.monotonic() + DRAIN_S
        os.write(self._wake_write_end, b".")

    def stop(self) -> list[Flow]:
        """Stop the thread at once and return the flows that have not reached end-of-file."""
        self._is_stopped = True
        os.write(self._wake_write_end, b".")
        if self.is_alive():
            self.join()
        return list(self._flows.values())

    def close(self) -> None:
        """Stop the thread and close our descriptors."""
        self.stop()
        os.close(self._wake_write_end)
        os.close(self._wake_read_end)

    def _copy(self) -> bool:
        """Copy what can be copied now; return whether there may be more."""
        ready = self._poll.poll(self._timeout_ms())
        for fd, _ in ready:
            if fd == self._wake_read_end:
                os.read(fd, 64)
            else:
                self._advance(self._flows.pop(fd), fd)
        if self._deadline is None or time.monotonic() < self._deadline:
            return True
        return bool(ready) and self._bytes_left > 0

    def _advance(self, flow: Flow, fd: int) -> None:
        self._poll.unregister(fd)
        chunk = b""
        if not flow.unwritten:
            chunk = flow.read()
            if not chunk:
                return
            flow.unwritten = memoryview(chunk)
            self._bytes_left -= len(chunk) if self._deadline else 0
        flow.write()
        self._show(flow, chunk)
        self._wait_for(flow)

    def _wait_for(self, flow: Flow) -> None:
        fd, event = (flow.target, select.POLLOUT) if flow.unwritten else (flow.source, select.POLLIN)
        self._flows[fd] = flow
        self._poll.register(fd, event)

    def _show(self, flow: Flow, chunk: bytes) -> None:
        if not chunk:
            return
        try:
            for watch in flow.watchers:
                watch(chunk)
        except Exception as error:  # noqa: BLE001  # no failure of a watcher may stop the output
            flow.watchers = ()
            self.failure = self.failure or error

    def _timeout_ms(self) -> float | None:
        if self._deadline is None or any(flow.unwritten for flow in self._flows.values()):
            return None
        return max(0.0, self._deadline - time.monotonic()) * 1000

"""Evidence that a signal was delivered to terraform too: the death of a canary, and terraform's own notice."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import time
from collections.abc import Iterator
from typing import Self

from tfretry.process.channels import open_descriptors
from tfretry.process.forwarding import CanaryDeath
from tfretry.process.signalmask import TERMINATING
from tfretry.terraform import messages

AT_LINE_START = re.compile(rb'(?:[\r\n]|"@message":"(?:\\n)?)(?:\x1b\[[0-9;]*m)*' + re.escape(messages.INTERRUPTED))
NOTICE_SIZE = 64 + len(messages.INTERRUPTED)  # bytes; 64 for the newline or the key, and colour codes
JOB_CONTROL_STOPS = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


class InterruptNotice:
    """Find terraform's notice of an interrupt, at the start of a line or of a JSON message, in one channel's bytes."""

    def __init__(self) -> None:
        self.seen_at: float | None = None  # the first time
        self._tail = b"\n"

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes; they may be cut anywhere."""
        if self.seen_at is not None:
            return
        text = self._tail + chunk
        if messages.INTERRUPTED in text and AT_LINE_START.search(text):
            self.seen_at = time.monotonic()
        self._tail = text[-NOTICE_SIZE:]


class Canary:
    """A `cat` in our process group: a signal to the group or to every process kills it, one to us alone does not.

    It reads from a pipe whose write end we hold, so it exits when we do.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._read_end = self._write_end = -1

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self._read_end, self._write_end):
            os.close(fd)
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # it may be stopped, and then would not see end-of-file
            os.waitpid(self._pid, 0)

    def death(self) -> CanaryDeath | None:
        """Return how a signal has killed the canary since the last call, and replace it; None if none has."""
        if self._pid is None:
            return None
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return None
        self._pid = None
        if not os.WIFSIGNALED(status):
            return None  # it exited by itself, so it is not `cat`: do without a canary
        self.spawn()
        return CanaryDeath(signal=os.WTERMSIG(status), at=time.monotonic())

    def spawn(self) -> None:
        """Start the canary. Call it after terraform was started: earlier signals say nothing about terraform."""
        with _no_core_dumps(), contextlib.suppress(OSError):
            self._pid = os.posix_spawnp(
                "cat",
                ["cat"],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, self._read_end, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable()),
                ],
                setsigmask=JOB_CONTROL_STOPS,  # posix_spawnp waits for the exec: a child stopped before would block us
                setsigdef=TERMINATING | {signal.SIGPIPE},
            )


def _inheritable() -> list[int]:
    """Return the descriptors that our caller passes to terraform: no other child of ours may keep them open."""
    return [fd for fd in open_descriptors() if fd > 2 and os.get_inheritable(fd)]


@contextlib.contextmanager
def _no_core_dumps() -> Iterator[None]:
    """Set the core size of the child to 0: SIGQUIT may kill it, and a core file would land in the user's folder."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))

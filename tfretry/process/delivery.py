"""Two witnesses of whether a signal reached terraform too: a process beside it, and its own words."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import time
from typing import TYPE_CHECKING, Self

from tfretry.process.forwarding import TERMINATING, CanaryDeath
from tfretry.terraform.messages import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Iterator

RARE = b"I"  # few texts hold it: found much faster than the whole notice is
AT_LINE_START = re.compile(rb'(?:[\r\n]|"@message":"(?:\\n)?)(?:\x1b\[[0-9;]*m)*' + re.escape(INTERRUPTED))
KEPT = 64 + len(INTERRUPTED)  # with the longest prefix
# We wait until a new process is what it is to be: stopped half-way, by Ctrl-Z, it would hold us for ever.
KEYS_THAT_STOP = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


class InterruptNotice:
    """Notes when terraform first says, at the start of a line or in a JSON message, that it was interrupted."""

    def __init__(self) -> None:
        self.seen_at: float | None = None
        self._tail = b"\n"

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of one channel, cut anywhere."""
        if self.seen_at is not None:
            return
        if RARE in chunk or RARE in self._tail:  # a copy of each chunk would be felt
            text = self._tail + chunk
            if INTERRUPTED in text and AT_LINE_START.search(text):
                self.seen_at = time.monotonic()
        self._tail = (self._tail + chunk[-KEPT:])[-KEPT:]


class Canary:
    """A `cat` in our process group: a signal to the group or to every process ends it, one to us alone does not.

    It reads a pipe of ours, and so ends when we do.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._null = -1
        self._reads = self._held = -1

    def __enter__(self) -> Self:
        self._reads, self._held = os.pipe()
        self._null = os.open(os.devnull, os.O_WRONLY)
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self._reads, self._held, self._null):
            os.close(fd)
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # it may be stopped, and would not see the end of its input
            os.waitpid(self._pid, 0)

    def death(self) -> CanaryDeath | None:
        """How it died of a signal since we last asked, if it did; there is a new one then."""
        if self._pid is None:
            return None
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return None
        self._pid = None
        if not os.WIFSIGNALED(status):
            return None  # no `cat` worth the name: no witness, rather than one respawned for ever
        self.spawn()
        return CanaryDeath(signal=os.WTERMSIG(status), at=time.monotonic())

    def spawn(self) -> None:
        """Start it, after terraform: what came before is no witness's business."""
        with _no_core_dumps(), contextlib.suppress(OSError):
            self._pid = os.posix_spawnp(
                "cat",
                ["cat"],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, self._reads, 0),
                    (os.POSIX_SPAWN_DUP2, self._null, 1),
                    (os.POSIX_SPAWN_DUP2, self._null, 2),
                    *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited()),
                ],
                setsigmask=KEYS_THAT_STOP,
                setsigdef=TERMINATING | {signal.SIGPIPE},
            )


def _inherited() -> list[int]:
    """The descriptors that our caller means for terraform: no child of ours is to hold them open."""
    fds = [int(name) for name in os.listdir("/dev/fd")]
    return [fd for fd in fds if fd > 2 and _is_inheritable(fd)]


def _is_inheritable(fd: int) -> bool:
    with contextlib.suppress(OSError):  # the one that listed the folder is closed by now
        return os.get_inheritable(fd)
    return False


@contextlib.contextmanager
def _no_core_dumps() -> Iterator[None]:
    """For a child that SIGQUIT may end: no core file in the user's folder."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))

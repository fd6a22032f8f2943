"""A small process that outlives us, and sees to it that nothing is lost then.

A wrapper's end is not terraform's end: where `terraform` is a script or a version manager's proxy, a signal to us alone
ends it, and the real terraform lives on and holds the channels. So do daemons that a provisioner has started.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, Self

from tfretry.process.pump import carry_to_the_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tfretry.process.pump import Flow

READ_SIZE = 65536
INTERRUPTED = b"!\n"


class Guardian:
    """Guards one run of terraform: it holds the read ends *drains*, so that terraform never meets a closed pipe.

    When we are killed it drains them, and asks terraform once to stop. It is forked before terraform is: there is
    no moment without it then, and no thread yet (a fork among threads may deadlock).
    """

    def __init__(self, *, drains: Sequence[int]) -> None:
        self._drains = tuple(drains)
        self._pid = 0
        self._line = -1
        self._stays = False

    def __enter__(self) -> Self:
        read_end, self._line = os.pipe()
        self._pid = _fork(lambda: _stand_by(read_end, self._drains), keep={read_end, *self._drains})
        os.close(read_end)
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        is_over = failed is None and not self._stays
        if is_over:
            os.kill(self._pid, signal.SIGKILL)
        os.close(self._line)  # if we fail while terraform runs, the guardian acts as if we had been killed
        if is_over:
            os.waitpid(self._pid, 0)

    def hand_over(self, flows: Sequence[Flow]) -> None:
        """Let *flows*, which somebody still writes to, be carried to their ends, as without us, when we are gone.

        By a process that holds our outputs: one that may see us killed must not.
        """
        keep = {fd for flow in flows for fd in (flow.source, flow.target)}

        def leave() -> None:  # not as our child, which we would have to wait for
            _fork(lambda: carry_to_the_end(flows), keep=keep)

        try:
            _, status = os.waitpid(_fork(leave, keep=keep), 0)
        except OSError:
            status = 1
        if status:  # there is no process to be had: then the guardian reads, and throws away
            self.terraform_was_interrupted()
            self._stays = True

    def announce(self) -> None:
        """In the child that becomes terraform: say who it is."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # terraform does not die of a guardian that is gone
        self._tell(b"%d\n" % os.getpid())

    def terraform_was_interrupted(self) -> None:
        """It must not get a second interrupt, not from the guardian either."""
        self._tell(INTERRUPTED)

    def _tell(self, message: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._line, message)


def _fork(act: Callable[[], object], *, keep: Iterable[int]) -> int:
    """Fork a process that holds nothing but *keep*, heeds no signal, and ends when it has acted: with 0, or failed."""
    pid = os.fork()
    if pid:
        return pid
    failed = 1
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        _hold_only(set(keep))
        act()
        failed = 0
    finally:
        os._exit(failed)


def _hold_only(keep: set[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in {0, 1, 2} - keep:
        os.dup2(null, fd)
    for fd in [int(name) for name in os.listdir("/dev/fd")]:
        if fd > 2 and fd not in keep:
            with contextlib.suppress(OSError):
                os.close(fd)


def _stand_by(read_end: int, drains: Sequence[int]) -> None:
    """Listen until we end; the child holds our end of the line too, until it is terraform."""
    terraform: _UnrelatedProcess | None = None
    interrupted = False
    while message := os.read(read_end, READ_SIZE):
        for word in message.split():
            if word.isdigit():
                terraform = _UnrelatedProcess(int(word))
            else:
                interrupted = True
    if terraform is None:
        return
    if not interrupted:
        terraform.terminate()
    _drain_to_the_ends(drains)


class _UnrelatedProcess:
    """A process that is not our child: by a descriptor where there are some, since numbers are used again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd: int | None = None
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._fd = os.pidfd_open(pid)

    def terminate(self) -> None:
        with contextlib.suppress(OSError):
            if self._fd is None:
                os.kill(self._pid, signal.SIGTERM)
            else:
                signal.pidfd_send_signal(self._fd, signal.SIGTERM)


def _drain_to_the_ends(drains: Sequence[int]) -> None:
    """Until terraform, and whatever it or its wrapper has started, has closed the channels."""
    poll = select.poll()
    for fd in drains:
        poll.register(fd, select.POLLIN)
    left = len(drains)
    while left:
        for fd, _ in poll.poll():
            if not _read(fd):
                poll.unregister(fd)
                left -= 1


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, READ_SIZE)
    except OSError:
        return b""

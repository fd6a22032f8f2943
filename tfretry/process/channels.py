"""Channels that take the place of our stdout and stderr while terraform runs: pipes, or ptys in raw mode."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import termios
import tty
from collections.abc import Iterator, Sequence

DESCRIPTORS_TRIED = 4096  # where no folder lists them
SIZE_OF_WINSIZE = 8  # bytes: four unsigned shorts


class Channel:
    """Terraform writes to *child_end*; we read that from *source* and write it to *target*.

    *target* is the same file as our descriptor *number*.
    """

    def __init__(self, number: int) -> None:
        self.number = self.target = number
        self._is_terminal = os.isatty(number)
        if self._is_terminal:
            self.source, self.child_end = os.openpty()  # openpty makes it no process's controlling terminal
            tty.setraw(self.child_end)  # the real terminal translates newlines
            self.copy_size()
            self.target = _without_blocking(number)
        else:
            self.source, self.child_end = os.pipe()

    def copy_size(self) -> None:
        """Copy the size of the real terminal to the pty, if this is one."""
        if not self._is_terminal:
            return
        with contextlib.suppress(OSError):  # the real terminal may be gone
            size = fcntl.ioctl(self.number, termios.TIOCGWINSZ, bytes(SIZE_OF_WINSIZE))
            fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)

    def close_child_end(self) -> None:
        """Close our copy of the child's end; until then *source* never reaches end-of-file."""
        if self.child_end >= 0:
            os.close(self.child_end)
        self.child_end = -1

    def close(self) -> None:
        """Close both ends."""
        self.close_child_end()
        os.close(self.source)
        if self.target != self.number:
            os.close(self.target)


def _without_blocking(terminal: int) -> int:
    """Open *terminal* once more, non-blocking: poll() reports room for one byte, and a longer write could block.

    O_NONBLOCK on the descriptor that we share with other processes would give them EAGAIN.
    """
    try:
        return os.open(os.ttyname(terminal), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # it belongs to another user, or has no name here
        return terminal


@contextlib.contextmanager
def open_channels() -> Iterator[list[Channel]]:
    """Open a channel for stdout and one for stderr; only one, which keeps the order, if both are the same open file."""
    with contextlib.ExitStack() as stack:
        numbers = (1,) if os.path.sameopenfile(1, 2) else (1, 2)
        yield [stack.enter_context(contextlib.closing(Channel(number))) for number in numbers]


def open_standard_descriptors() -> None:
    """Open /dev/null on those of 0 to 2 that are closed, so that no descriptor of ours takes their numbers."""
    for fd in range(3):
        if not _is_open(fd):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def open_descriptors() -> list[int]:
    """Return the descriptors that this process has open."""
    try:
        found = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:  # no /proc is mounted
        found = list(range(min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], DESCRIPTORS_TRIED)))
    return [fd for fd in found if _is_open(fd)]  # listdir() has closed its own


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def nobody_reads(targets: Sequence[int] = (1, 2)) -> bool:
    """Whether nothing reads from any of *targets*: all are pipes, sockets or terminals whose other end is closed.

    Files and /dev/null have no other end.
    """
    poll = select.poll()
    for target in targets:
        poll.register(target, 0)  # POLLERR and POLLHUP are reported even so
    gone = [fd for fd, events in poll.poll(0) if events & (select.POLLERR | select.POLLHUP)]
    return len(gone) == len(set(targets))

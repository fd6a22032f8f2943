"""What stands in for our stdout and stderr while terraform runs: a pipe, or a raw terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import termios
import tty
from collections.abc import Iterator, Sequence

SIZE_OF_WINSIZE = 8  # bytes: four short numbers


class Channel:
    """Terraform writes to *child_end*; what is read from *source* belongs on our descriptor *target*.

    It is written to *out*, which is the same file.
    """

    def __init__(self, target: int) -> None:
        self.target = self.out = target
        self._is_terminal = os.isatty(target)
        if self._is_terminal:
            self.source, self.child_end = os.openpty()  # which becomes nobody's controlling terminal
            tty.setraw(self.child_end)  # the real terminal does what is to be done to newlines
            self.copy_size()
            self.out = _without_blocking(target)
        else:
            self.source, self.child_end = os.pipe()

    def copy_size(self) -> None:
        """Give our terminal, if it is one, the size of the real one."""
        if not self._is_terminal:
            return
        with contextlib.suppress(OSError):  # the real one may be gone
            size = fcntl.ioctl(self.target, termios.TIOCGWINSZ, bytes(SIZE_OF_WINSIZE))
            fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)

    def close_child_end(self) -> None:
        """Once terraform has its own: only then can the channel come to an end."""
        if self.child_end >= 0:
            os.close(self.child_end)
        self.child_end = -1

    def close(self) -> None:
        """Close both ends."""
        self.close_child_end()
        os.close(self.source)
        if self.out != self.target:
            os.close(self.out)


def _without_blocking(terminal: int) -> int:
    """The same terminal, opened by us alone: one that is stalled would hold up whoever writes, deaf to signals.

    It tells that there is room if there is some for a single byte. Others who have it open do not expect EAGAIN.
    """
    try:
        return os.open(os.ttyname(terminal), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # of another user, or not to be found by a name
        return terminal


@contextlib.contextmanager
def open_channels() -> Iterator[list[Channel]]:
    """One for stdout and one for stderr, or one for both, in order, where both are the same open file."""
    with contextlib.ExitStack() as stack:
        targets = (1,) if os.path.sameopenfile(1, 2) else (1, 2)
        yield [stack.enter_context(contextlib.closing(Channel(target))) for target in targets]


def open_standard_descriptors() -> None:
    """Open on /dev/null those of 0 to 2 that are closed, lest one of ours gets their number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def nobody_reads(targets: Sequence[int] = (1, 2)) -> bool:
    """Whether all of *targets* have lost their other end: a pipe's or socket's reader, a terminal's window.

    Files and /dev/null have no other end.
    """
    poll = select.poll()
    for target in targets:
        poll.register(target, 0)  # POLLERR and POLLHUP are told all the same
    gone = [fd for fd, events in poll.poll(0) if events & (select.POLLERR | select.POLLHUP)]
    return len(gone) == len(set(targets))

"""A small process that outlives us, so that terraform loses no state if we are killed.

Terraform may also outlive the process that we started: where `terraform` is a script or a version manager's proxy, a
signal to us alone ends that wrapper, while the real terraform runs on and holds the channels. So do daemons that a
provisioner has started.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Self

from tfretry.process.channels import open_descriptors
from tfretry.process.pump import READ_SIZE, Flow, copy_until_eof

HAD_INTERRUPT = b"!\n"


class Guardian:
    """Guards one run of terraform, which never writes to a closed pipe: it, too, holds the read ends, its *outputs*.

    If we are killed, it drains them and sends terraform one SIGTERM. It is forked before terraform is: so terraform
    never runs without it, and we have no threads yet (a fork of a process with threads may deadlock).
    """

    def __init__(self, outputs: Sequence[int]) -> None:
        self._outputs = tuple(outputs)
        self._pid = 0
        self._write_end = -1
        self._outlives_us = False

    def __enter__(self) -> Self:
        read_end, self._write_end = os.pipe()
        self._pid = _fork(lambda: _guard(read_end, self._outputs), keep={read_end, *self._outputs})
        os.close(read_end)
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        is_over = failed is None and not self._outlives_us
        if is_over:
            os.kill(self._pid, signal.SIGKILL)
        os.close(self._write_end)  # if we failed while terraform runs, the guardian acts as if we had been killed
        if is_over:
            os.waitpid(self._pid, 0)

    def hand_over(self, flows: Sequence[Flow]) -> None:
        """Let *flows*, which still have writers, be copied until end-of-file after our exit.

        Another process does this, since it holds our outputs. The guardian must not hold them: whoever reads our
        output must see its end if we are killed.
        """
        keep = {fd for flow in flows for fd in (flow.source, flow.target)}

        def fork_again() -> None:  # a grandchild need not be waited for
            _fork(lambda: copy_until_eof(flows), keep=keep)

        try:
            _, status = os.waitpid(_fork(fork_again, keep=keep), 0)
        except OSError:
            status = 1
        if status:  # no process is available: let the guardian read the rest and discard it
            self.note_interrupt()
            self._outlives_us = True

    def announce(self) -> None:
        """Send the guardian the number of this process, which is about to become terraform."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the guardian may have been killed
        self._send(b"%d\n" % os.getpid())

    def note_interrupt(self) -> None:
        """Keep the guardian from sending SIGTERM: terraform has had an interrupt, and must not get a second one."""
        self._send(HAD_INTERRUPT)

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write_end, message)


def _fork(act: Callable[[], object], *, keep: Iterable[int]) -> int:
    """Fork a process that calls *act*, with only *keep* open and all signals blocked; it exits with 1 if that fails."""
    pid = os.fork()
    if pid:
        return pid
    exit_code = 1
    try:
        os.setsid()
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        _close_all_but(set(keep))
        act()
        exit_code = 0
    finally:
        os._exit(exit_code)


def _close_all_but(keep: set[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in {0, 1, 2} - keep:
        os.dup2(null, fd)
    for fd in open_descriptors():
        if fd > 2 and fd not in keep:
            os.close(fd)


def _guard(read_end: int, outputs: Sequence[int]) -> None:
    """Read until end-of-file, that is, until tfretry is gone (the forked child holds the write end until its exec)."""
    terminate: Callable[[], object] | None = None
    interrupted = False
    while message := os.read(read_end, READ_SIZE):
        for line in message.split():
            if line.isdigit():
                terminate = _terminator(int(line))
            else:
                interrupted = True
    if terminate is None:
        return
    if not interrupted:
        with contextlib.suppress(OSError):
            terminate()
    # Until terraform, and everything that it or its wrapper has started, has closed the channels.
    copy_until_eof([Flow(source=fd, target=os.open(os.devnull, os.O_WRONLY), watchers=()) for fd in outputs])


def _terminator(pid: int) -> Callable[[], object]:
    """Return what sends SIGTERM to *pid*, which is not our child: a pidfd stays valid when its number is used again."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return partial(signal.pidfd_send_signal, os.pidfd_open(pid), signal.SIGTERM)
    return partial(os.kill, pid, signal.SIGTERM)

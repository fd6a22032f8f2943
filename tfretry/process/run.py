"""One run of terraform: started by sh, its bytes carried by the pump, its signals by the rule."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sh

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError
from tfretry.process.channels import Channel, open_channels
from tfretry.process.delivery import Canary, InterruptNotice
from tfretry.process.forwarding import TERMINATING
from tfretry.process.guardian import Guardian
from tfretry.process.pump import Flow, Pump
from tfretry.process.signals import Signals
from tfretry.process.supervisor import Supervisor
from tfretry.process.terminal import echo_restored
from tfretry.terraform.recursion import remember_start

logging.getLogger("sh").setLevel(logging.CRITICAL)  # it logs arguments, and -var values are secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """What one run of terraform came to."""

    exit_code: int  # negative: died of that signal
    received_signal: int | None  # the first signal that we received meanwhile
    watched: bool = True  # False: a consumer failed, and has not seen all output


def run_terraform(
    argv: Sequence[str],
    *,
    signals: Signals,
    watch: Callable[[int], Callable[[bytes], object]],
) -> Exit:
    """Run *argv*, which begins with the binary's path, on our own stdin, stdout and stderr.

    *watch* is asked for the consumer of each channel's bytes: 1, and 2 unless both are the same open file. Consumers
    are called from another thread, one at a time. Raises TerraformNotExecutableError, TerraformNotFoundError.
    """
    with open_channels() as channels, echo_restored():
        notices = [InterruptNotice() for _ in channels]
        flows = [
            Flow(source=channel.source, target=channel.out, watchers=(notice.feed, watch(channel.target)))
            for channel, notice in zip(channels, notices, strict=True)
        ]
        with contextlib.closing(Pump(flows)) as pump:
            stdio = (0, channels[0].child_end, channels[-1].child_end)
            wires = _Stdio(stdio=stdio, pump=pump, channels=channels, notices=notices)
            return _run(argv, wires, signals=signals)


def run_quietly(
    argv: Sequence[str],
    *,
    signals: Signals,
    stdout: int,
    stderr: int,
    hidden: Collection[str] = (),
) -> Exit:
    """Run *argv* without input, its output on the descriptors *stdout* and *stderr*; raises as run_terraform.

    *hidden* are variables that it is not to see.
    """
    with open(os.devnull, "rb") as null, contextlib.closing(Pump([])) as pump:
        wires = _Stdio(stdio=(null.fileno(), stdout, stderr), pump=pump, hidden=hidden)
        return _run(argv, wires, signals=signals)


def run_watched(
    argv: Sequence[str],
    *,
    signals: Signals,
    watch: Callable[[bytes], object],
    variables: Mapping[str, str],
) -> Exit:
    """Run *argv* without input; *watch* gets what it prints on either output, from another thread.

    *variables* are added to its environment. Raises as run_terraform.
    """
    with open(os.devnull, "r+b", buffering=0) as null, contextlib.closing(Channel(null.fileno())) as channel:
        flow = Flow(source=channel.source, target=channel.target, watchers=(watch,))
        with contextlib.closing(Pump([flow])) as pump:
            stdio = (null.fileno(), channel.child_end, channel.child_end)
            wires = _Stdio(stdio=stdio, pump=pump, channels=[channel], added=variables)
            return _run(argv, wires, signals=signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stdio:
    """What terraform gets as its first three descriptors, what is at our end of them, how its environment differs."""

    stdio: tuple[int, int, int]
    pump: Pump
    channels: Sequence[Channel] = ()
    notices: Sequence[InterruptNotice] = ()
    hidden: Collection[str] = ()
    added: Mapping[str, str] = field(default_factory=dict)


def _run(argv: Sequence[str], wires: _Stdio, *, signals: Signals) -> Exit:
    for received in signals.take_pending():
        if received.signal in TERMINATING:  # as if terraform had died of it at its start
            return Exit(exit_code=-received.signal, received_signal=received.signal)
    drains = [channel.source for channel in wires.channels]
    with Guardian(drains=drains) as guardian, Canary() as canary:

        def prepare() -> None:
            guardian.announce()
            signals.restore_in_child()
            for name in wires.hidden:
                os.environ.pop(name, None)  # of the child alone: it is about to become terraform
            remember_start(argv[0], argv[1:], os.environ)
            os.environ.update(wires.added)

        # All that can fail has been opened by now, so that nothing fails once terraform runs.
        child = _Child(argv, wires.stdio, prepare)
        for channel in wires.channels:
            channel.close_child_end()
        supervisor = Supervisor(
            child,
            signals=signals,
            guardian=guardian,
            canary=canary,
            channels=wires.channels,
            notices=wires.notices,
        )
        supervisor.forward_pending()
        canary.spawn()
        wires.pump.start()
        supervisor.wait()
        supervisor.drain(wires.pump)
        if left := wires.pump.stop():
            guardian.hand_over(left)
        return Exit(
            exit_code=child.wait(),
            received_signal=supervisor.first_signal,
            watched=wires.pump.failure is None,
        )


class _FsStr(str):
    """sh encodes arguments strictly; terraform is to get the bytes that we got."""

    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:  # noqa: ARG002  # sh's choice is not ours
        return super().encode(sys.getfilesystemencoding(), "surrogateescape")


class _Child:
    """Terraform as sh started it."""

    def __init__(self, argv: Sequence[str], stdio: tuple[int, int, int], prepare: Callable[[], None]) -> None:
        self._running = _start(argv, stdio, prepare)

    def is_alive(self) -> bool:
        return bool(self._running.is_alive())

    def signal(self, signo: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._running.signal(signo)

    def wait(self) -> int:
        # Not of the command but of its process: sh 2.2 raises for a death by signal even where it is said to be fine.
        return int(self._running.process.wait())


def _start(argv: Sequence[str], stdio: tuple[int, int, int], prepare: Callable[[], None]) -> Any:
    stdin, stdout, stderr = stdio
    try:
        command: Any = sh.Command(argv[0])
        command._path = _FsStr(argv[0])  # noqa: SLF001  # sh would tidy it, and encode it strictly
        return command(
            [_FsStr(argument) for argument in argv[1:]],
            _in=stdin,
            _out=stdout,
            _err=stderr,
            _bg=True,  # its child ignores SIGHUP
            _bg_exc=False,
            _close_fds=False,  # ours are closed on exec; those that our caller passed are for terraform
            _preexec_fn=prepare,
        )
    except sh.CommandNotFound as error:
        raise TerraformNotFoundError(f"cannot run {argv[0]}: it is not there, or not executable") from error
    except sh.ForkException as error:
        reason = str(error).strip().rpartition("] ")[2]  # the end of a traceback
        raise TerraformNotExecutableError(f"cannot run {argv[0]}: {reason}") from error

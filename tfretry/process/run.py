"""Run terraform, or another command, to its end: start it, copy its output, forward signals to it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from tfretry.errors import TfretryError
from tfretry.process.channels import Channel, open_channels
from tfretry.process.child import Child
from tfretry.process.delivery import Canary, InterruptNotice
from tfretry.process.guardian import Guardian
from tfretry.process.pump import Flow, Pump
from tfretry.process.signalmask import TERMINATING
from tfretry.process.signals import Signals
from tfretry.process.supervisor import Supervisor
from tfretry.process.terminal import echo_restored
from tfretry.terraform.recursion import remember_start

Variables = Mapping[str, str | None]
UNCHANGED: Variables = MappingProxyType({})
THREADS = 5  # as many as come later: two of sh's, our pump's, and the processes of terraform and the canary


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended."""

    exit_code: int  # negative: killed by that signal
    received_signal: int | None  # the first terminating signal that we received while it ran
    watched: bool = True  # False: the consumer of its output failed and has not seen all of it
    stderr_channel: int = 2  # 1 where stdout and stderr are the same open file


def run_terraform(argv: Sequence[str], *, signals: Signals, feed: Callable[[int, bytes], object]) -> Exit:
    """Run *argv*, whose first item is the path of the binary, on our own stdin, stdout and stderr.

    *feed* is called with each chunk of output and its channel: 1 for stdout, 2 for stderr, always 1 where both are the
    same open file. It is called in another thread. Raises TerraformNotExecutableError, TerraformNotFoundError.
    """
    with open_channels() as channels, echo_restored():
        notices = [InterruptNotice() for _ in channels]
        flows = [
            Flow(source=channel.source, target=channel.target, watchers=(notice.feed, partial(feed, channel.number)))
            for channel, notice in zip(channels, notices, strict=True)
        ]
        stdio = (0, channels[0].child_end, channels[-1].child_end)
        ended = _run(argv, stdio, signals=signals, channels=channels, flows=flows, notices=notices)
        return replace(ended, stderr_channel=channels[-1].number)


def run_to_files(
    argv: Sequence[str], *, signals: Signals, stdout: int, stderr: int, variables: Variables = UNCHANGED
) -> Exit:
    """Run *argv* without input, and write its output to the descriptors *stdout* and *stderr*.

    *variables* are set in its environment; None removes one. Raises as run_terraform.
    """
    with open(os.devnull, "rb") as null:
        return _run(argv, (null.fileno(), stdout, stderr), signals=signals, variables=variables)


def run_watched(
    argv: Sequence[str], *, signals: Signals, watch: Callable[[bytes], object], variables: Variables = UNCHANGED
) -> Exit:
    """Run *argv* as run_to_files does, but call *watch*, in another thread, with each chunk of both outputs."""
    with open(os.devnull, "r+b", buffering=0) as null, contextlib.closing(Channel(null.fileno())) as channel:
        flow = Flow(source=channel.source, target=channel.target, watchers=(watch,))
        stdio = (null.fileno(), channel.child_end, channel.child_end)
        return _run(argv, stdio, signals=signals, channels=[channel], flows=[flow], variables=variables)


def _check_threads() -> None:
    """Raise TfretryError unless the limit on processes leaves room for the threads of sh and of the pump."""
    done = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(THREADS):
            thread = threading.Thread(target=done.wait)
            thread.start()
            started.append(thread)
    except RuntimeError as error:
        raise TfretryError("cannot start threads: the limit on processes is reached") from error
    finally:
        done.set()
        for thread in started:  # before terraform is forked: a fork beside threads may deadlock
            thread.join()


def _run(
    argv: Sequence[str],
    stdio: tuple[int, int, int],
    *,
    signals: Signals,
    channels: Sequence[Channel] = (),
    flows: Sequence[Flow] = (),
    notices: Sequence[InterruptNotice] = (),
    variables: Variables = UNCHANGED,
) -> Exit:
    pending = [received.signal for received in signals.take_pending() if received.signal in TERMINATING]
    if pending:  # as if it had killed terraform right after the exec
        return Exit(exit_code=-pending[0], received_signal=pending[0])
    guardian = Guardian([channel.source for channel in channels])
    with guardian, Canary() as canary, contextlib.closing(Pump(flows)) as pump:
        # Whatever can fail has been tried by now: no failure of ours may stop us once terraform runs.
        _check_threads()
        child = Child(argv, stdio, partial(_prepare, argv, guardian, signals, variables))
        for channel in channels:
            channel.close_child_end()
        supervisor = Supervisor(
            child, signals=signals, guardian=guardian, canary=canary, channels=channels, notices=notices
        )
        supervisor.forward_pending()
        canary.spawn()
        pump.start()
        supervisor.wait()
        supervisor.drain(pump)
        if unfinished := pump.stop():
            guardian.hand_over(unfinished)
        return Exit(exit_code=child.wait(), received_signal=supervisor.first_signal, watched=pump.failure is None)


def _prepare(argv: Sequence[str], guardian: Guardian, signals: Signals, variables: Variables) -> None:
    """Prepare the forked child for its exec."""
    guardian.announce()
    signals.restore_in_child()
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    remember_start(argv[0], argv[1:], os.environ)

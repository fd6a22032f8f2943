"""Run terraform, or another command, to its end: start it, copy its output, forward signals to it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

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
            Flow(source=channel.source, target=channel.out, watchers=(notice.feed, partial(feed, channel.target)))
            for channel, notice in zip(channels, notices, strict=True)
        ]
        with contextlib.closing(Pump(flows)) as pump:
            fds = (0, channels[0].child_end, channels[-1].child_end)
            stdio = _Stdio(fds=fds, pump=pump, channels=channels, notices=notices)
            return replace(_run(argv, stdio, signals=signals), stderr_channel=channels[-1].target)


def run_quietly(
    argv: Sequence[str],
    *,
    signals: Signals,
    stdout: int,
    stderr: int,
    hidden: Collection[str] = (),
) -> Exit:
    """Run *argv* without input and write its output to the descriptors *stdout* and *stderr*.

    The variables *hidden* are removed from its environment. Raises as run_terraform.
    """
    with open(os.devnull, "rb") as null, contextlib.closing(Pump([])) as pump:
        stdio = _Stdio(fds=(null.fileno(), stdout, stderr), pump=pump, hidden=hidden)
        return _run(argv, stdio, signals=signals)


def run_watched(
    argv: Sequence[str],
    *,
    signals: Signals,
    watch: Callable[[bytes], object],
    variables: Mapping[str, str],
) -> Exit:
    """Run *argv* without input; call *watch*, in another thread, with each chunk that it prints on either output.

    *variables* are added to its environment. Raises as run_terraform.
    """
    with open(os.devnull, "r+b", buffering=0) as null, contextlib.closing(Channel(null.fileno())) as channel:
        flow = Flow(source=channel.source, target=channel.target, watchers=(watch,))
        with contextlib.closing(Pump([flow])) as pump:
            fds = (null.fileno(), channel.child_end, channel.child_end)
            stdio = _Stdio(fds=fds, pump=pump, channels=[channel], added=variables)
            return _run(argv, stdio, signals=signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stdio:
    """The first three descriptors of a child, our ends of them, and the changes to its environment."""

    fds: tuple[int, int, int]
    pump: Pump
    channels: Sequence[Channel] = ()
    notices: Sequence[InterruptNotice] = ()
    hidden: Collection[str] = ()
    added: Mapping[str, str] = field(default_factory=dict)


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


def _run(argv: Sequence[str], stdio: _Stdio, *, signals: Signals) -> Exit:
    for received in signals.take_pending():
        if received.signal in TERMINATING:  # as if it had killed terraform right after the exec
            return Exit(exit_code=-received.signal, received_signal=received.signal)
    drains = [channel.source for channel in stdio.channels]
    with Guardian(drains=drains) as guardian, Canary() as canary:

        def prepare() -> None:
            guardian.announce()
            signals.restore_in_child()
            for name in stdio.hidden:
                os.environ.pop(name, None)  # in the forked child only
            remember_start(argv[0], argv[1:], os.environ)
            os.environ.update(stdio.added)

        # Whatever can fail has been tried by now: no failure of ours may stop us once terraform runs.
        _check_threads()
        child = Child(argv, stdio.fds, prepare)
        for channel in stdio.channels:
            channel.close_child_end()
        supervisor = Supervisor(
            child,
            signals=signals,
            guardian=guardian,
            canary=canary,
            channels=stdio.channels,
            notices=stdio.notices,
        )
        supervisor.forward_pending()
        canary.spawn()
        stdio.pump.start()
        supervisor.wait()
        supervisor.drain(stdio.pump)
        if unfinished := stdio.pump.stop():
            guardian.hand_over(unfinished)
        return Exit(
            exit_code=child.wait(),
            received_signal=supervisor.first_signal,
            watched=stdio.pump.failure is None,
        )

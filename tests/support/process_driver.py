"""What `tfretry apply` does with signals and processes, without its command line and its policy.

process_driver.py [OPTIONS] TERRAFORM ARGUMENTS...
"""

from __future__ import annotations

import sys

import without_linux

if "--elsewhere" in sys.argv:
    without_linux.take_away()

from tfretry.process import signalmask

MASK_BEFORE = signalmask.block()

import argparse  # noqa: E402
import contextlib  # noqa: E402
import itertools  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from tfretry.process.run import run_quietly, run_terraform  # noqa: E402
from tfretry.process.signals import Signals, exit_like  # noqa: E402


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=1)
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--elsewhere", action="store_true")
    parser.add_argument("--outcome", type=Path)
    parser.add_argument("--quietly", type=Path)
    parser.add_argument("--broken-watcher", action="store_true")
    parser.add_argument("--signal-at-fork", type=int)
    parser.add_argument("--look-before-signal", action="store_true")
    parser.add_argument("--signal-group-when", type=Path)
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    return parser.parse_args()


def watcher(own: argparse.Namespace, channel: int):
    def watch(chunk: bytes) -> None:
        if own.broken_watcher:
            raise ValueError(channel, len(chunk))

    return watch


def run(own: argparse.Namespace, signals: Signals) -> int:
    for attempt in range(own.attempts):
        if attempt and (signo := signals.sleep(own.wait)):
            return 128 + signo
        if own.quietly:
            with own.quietly.open("wb") as output:
                fd = output.fileno()
                outcome = run_quietly(own.argv, signals=signals, stdout=fd, stderr=fd)
        else:
            outcome = run_terraform(own.argv, signals=signals, watch=lambda channel: watcher(own, channel))
        if own.outcome:
            own.outcome.write_text(f"{outcome}")
        if outcome.received_signal or outcome.exit_code != 1:
            break
    return exit_like(outcome.exit_code)


def signal_at_forks(signo: int) -> None:
    os.register_at_fork(before=lambda: os.kill(os.getpid(), signo))


def signal_group_when(record: Path) -> None:
    """After the fork of terraform, which says in *record* that it is ready; the guardian's fork is an earlier one."""
    forks = itertools.count(1)

    def wait_and_signal() -> None:
        if next(forks) < 2:
            return
        while not record.exists() or "ready" not in record.read_text():
            time.sleep(0.005)
        os.killpg(0, signal.SIGTERM)

    os.register_at_fork(after_in_parent=wait_and_signal)


def main() -> int:
    own = options()
    # Such hooks run in the reverse order: the later one is called first.
    if own.signal_at_fork and own.look_before_signal:
        signal_at_forks(own.signal_at_fork)
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(Signals(MASK_BEFORE))
        if own.signal_at_fork and not own.look_before_signal:
            signal_at_forks(own.signal_at_fork)
        if own.signal_group_when:
            signal_group_when(own.signal_group_when)
        return run(own, signals)


if __name__ == "__main__":
    sys.exit(main())

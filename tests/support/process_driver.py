"""Run a program as `tfretry apply` does, with its signals and processes, without its command line and its policy.

process_driver.py [OPTIONS] TERRAFORM ARGUMENTS...
"""

from __future__ import annotations

import sys

import without_linux

if "--without-linux" in sys.argv:
    without_linux.remove_names()

from tfretry.process import signalmask

MASK_BEFORE = signalmask.block()

import argparse  # noqa: E402
import contextlib  # noqa: E402
import itertools  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

from tfretry.process.run import run_terraform, run_to_files  # noqa: E402
from tfretry.process.signals import Signals, exit_like  # noqa: E402


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempts", type=int, default=1)
    parser.add_argument("--wait", type=float, default=0)
    parser.add_argument("--without-linux", action="store_true")
    parser.add_argument("--outcome", type=Path)
    parser.add_argument("--quietly", type=Path)
    parser.add_argument("--broken-consumer", action="store_true")
    parser.add_argument("--signal-at-fork", type=int)
    parser.add_argument("--look-before-signal", action="store_true")
    parser.add_argument("--signal-group-when", type=Path)
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    return parser.parse_args()


def ignore(_channel: int, _chunk: bytes) -> None:
    """Consume output that no test looks at."""


def fail(channel: int, chunk: bytes) -> None:
    raise ValueError(channel, len(chunk))


def run(options: argparse.Namespace, signals: Signals) -> int:
    for attempt in range(options.attempts):
        if attempt and (signo := signals.sleep(options.wait)):
            return 128 + signo
        if options.quietly:
            with options.quietly.open("wb") as output:
                fd = output.fileno()
                outcome = run_to_files(options.argv, signals=signals, stdout=fd, stderr=fd)
        else:
            outcome = run_terraform(options.argv, signals=signals, feed=fail if options.broken_consumer else ignore)
        if options.outcome:
            options.outcome.write_text(f"{outcome}")
        if outcome.received_signal or outcome.exit_code != 1:
            break
    return exit_like(outcome.exit_code)


def signal_at_forks(signo: int) -> None:
    os.register_at_fork(before=lambda: os.kill(os.getpid(), signo))


def signal_group_when(record: Path) -> None:
    """Send SIGTERM to the group, in the parent, once terraform has written to *record* that it is ready.

    The first fork is the guardian's, the second is terraform's.
    """
    forks = itertools.count(1)

    def wait_and_signal() -> None:
        if next(forks) < 2:
            return
        while not record.exists() or "ready" not in record.read_text():
            time.sleep(0.005)
        os.killpg(0, signal.SIGTERM)

    os.register_at_fork(after_in_parent=wait_and_signal)


def main() -> int:
    options = parse_options()
    # The hooks run in the reverse order of their registration; that of Signals looks at the pending signals.
    if options.signal_at_fork and options.look_before_signal:
        signal_at_forks(options.signal_at_fork)
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(Signals(MASK_BEFORE))
        if options.signal_at_fork and not options.look_before_signal:
            signal_at_forks(options.signal_at_fork)
        if options.signal_group_when:
            signal_group_when(options.signal_group_when)
        return run(options, signals)


if __name__ == "__main__":
    sys.exit(main())

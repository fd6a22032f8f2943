"""The user's own command between two attempts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

from tfretry.errors import InterruptedRetryError, NotRetriedError, TfretryError
from tfretry.process.run import Exit, run_watched
from tfretry.process.signals import Signals

SHELL = "/bin/sh"
NAME = "the --on-retry command"


def run_hook(command: str, variables: Mapping[str, str], *, signals: Signals, watch: Callable[[bytes], object]) -> None:
    """Run *command* by a shell, to its end; *variables* are added to its environment, *watch* gets what it prints.

    Raises NotRetriedError where it fails, and InterruptedRetryError after its end where a terminating signal came.
    """
    try:
        outcome = run_watched([SHELL, "-c", command], signals=signals, watch=watch, variables=variables)
    except TfretryError as error:
        raise NotRetriedError(f"{NAME} could not be run ({error})") from error
    if outcome.received_signal is not None:
        raise InterruptedRetryError(outcome.received_signal, f"{NAME} was running")
    if outcome.exit_code:
        raise NotRetriedError(f"{NAME} {_ended(outcome)}")


def _ended(outcome: Exit) -> str:
    if outcome.exit_code > 0:
        return f"ended with status {outcome.exit_code}"
    return f"was ended by {signal.Signals(-outcome.exit_code).name}"

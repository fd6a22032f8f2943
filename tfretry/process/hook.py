"""Run the user's --on-retry command between two attempts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

from tfretry.errors import InterruptedRetryError, NotRetriedError, TfretryError
from tfretry.process.run import Exit, run_watched
from tfretry.process.signals import Signals

SHELL = "/bin/sh"
SUBJECT = "the --on-retry command"
NAMED = frozenset(signal.Signals)  # the real-time signals between the first and the last have no name


def run_hook(command: str, variables: Mapping[str, str], *, signals: Signals, watch: Callable[[bytes], object]) -> None:
    """Run *command* in a shell, with *variables* added to its environment; call *watch* with all that it prints.

    Raises NotRetriedError if it fails, and InterruptedRetryError if a terminating signal came while it ran.
    """
    try:
        ended = run_watched([SHELL, "-c", command], signals=signals, watch=watch, variables=variables)
    except TfretryError as error:
        raise NotRetriedError(f"{SUBJECT} could not be run ({error})") from error
    if ended.received_signal is not None:
        raise InterruptedRetryError(ended.received_signal, f"{SUBJECT} was running")
    if ended.exit_code:
        raise NotRetriedError(f"{SUBJECT} {_description(ended)}")


def _description(ended: Exit) -> str:
    if ended.exit_code > 0:
        return f"ended with status {ended.exit_code}"
    number = -ended.exit_code
    return f"was ended by {signal.Signals(number).name if number in NAMED else f'signal {number}'}"

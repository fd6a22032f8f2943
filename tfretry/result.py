"""The end of a run: its outcome, its exit code and the event that reports it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tfretry.attempt import Attempt
from tfretry.report.events import Applied, Event, GaveUp, Interrupted, NotContinued, NotRetried
from tfretry.report.phrases import UNREAD, remedy, why_not_retried

Outcome = Literal["applied", "failed", "gave-up", "interrupted", "not-retried", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a run; *outcome* is that of the report."""

    outcome: Outcome
    exit_code: int  # negative: terraform died of that signal
    attempts: tuple[Attempt, ...]
    event: Event | None = None  # None: terraform's own output says it all


def result_of(attempts: Sequence[Attempt], *, unrepeatable: str | None = None) -> Result:
    """Return the result that the last of *attempts* decides; *unrepeatable* says why no retry is possible."""
    last = attempts[-1]
    if last.received_signal is not None:
        return _result("interrupted", attempts)
    if last.exit_code == 0:
        return _result("applied", attempts, _applied(attempts) if len(attempts) > 1 else None)
    reason = unrepeatable if last.is_retryable else _why_not_retryable(attempts)
    if reason:
        return _result("not-retried", attempts, NotRetried(reason=reason))
    return _result("gave-up", attempts, _gave_up(attempts)) if last.is_retryable else _result("failed", attempts)


def interrupted(attempts: Sequence[Attempt], number: int, *, meanwhile: str) -> Result:
    """Return the result of a run that signal *number* has ended between two attempts."""
    event = Interrupted(signal=signal.Signals(number).name, meanwhile=meanwhile)
    return Result(outcome="interrupted", exit_code=128 + number, attempts=tuple(attempts), event=event)


def not_continued(attempts: Sequence[Attempt], reason: str, *details: str) -> Result:
    """Return the result of a run whose next attempt is refused; the exit code is that of the last one."""
    return _result("refused", attempts, NotContinued(reason=reason, details=details))


def _result(outcome: Outcome, attempts: Sequence[Attempt], event: Event | None = None) -> Result:
    return Result(outcome=outcome, exit_code=attempts[-1].exit_code, attempts=tuple(attempts), event=event)


def _applied(attempts: Sequence[Attempt]) -> Applied:
    since_s = attempts[-1].ended_s - attempts[0].ended_s
    return Applied(attempt=len(attempts), since_first_failure_s=round(since_s, 3))


def _gave_up(attempts: Sequence[Attempt]) -> GaveUp:
    last = attempts[-1]
    return GaveUp(
        attempts=len(attempts),
        elapsed_s=round(last.ended_s - attempts[0].began_s, 3),
        exit_code=last.exit_code,
        remedy=remedy(last.diagnosis),
    )


def _why_not_retryable(attempts: Sequence[Attempt]) -> str | None:
    last, is_retry = attempts[-1], len(attempts) > 1
    if not last.watched and last.exit_code == 1:
        return UNREAD
    # Only a run that has met a known error needs an explanation; terraform explains its other failures itself.
    unexplained = last.diagnosis.unexplained
    if unexplained is None or not (is_retry or last.diagnosis.met_cause):
        return None
    return why_not_retried(unexplained, is_retry=is_retry)

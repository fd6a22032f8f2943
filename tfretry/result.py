"""What a whole run came to: all its attempts, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Finding
from tfretry.terraform.messages import ASKING_FOR_APPROVAL, STATE_LOCKED

Outcome = Literal["applied", "failed", "gave-up", "interrupted", "not-retried", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a run."""

    outcome: Outcome
    exit_code: int  # negative: terraform died of that signal
    attempts: tuple[Attempt, ...]
    reason: str | None = None  # for people: why it was not retried, in a clause
    details: tuple[str, ...] = ()  # of a refusal: what would be unapproved or left undone, and what to do

    @property
    def first(self) -> Attempt:
        """The attempt that the user asked for."""
        return self.attempts[0]

    @property
    def last(self) -> Attempt:
        """The attempt that decided."""
        return self.attempts[-1]

    @property
    def interrupted_between(self) -> int | None:
        """The signal that ended the run between two attempts, if one did."""
        is_between = self.outcome == "interrupted" and self.last.received_signal is None
        return self.exit_code - 128 if is_between else None

    @property
    def since_first_failure_s(self) -> float:
        """Seconds from the end of the first attempt to the end of the last."""
        return self.last.ended_s - self.first.ended_s

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the first attempt to the end of the last."""
        return self.last.ended_s - self.first.began_s


def result_of(attempts: Sequence[Attempt], *, unrepeatable: str | None = None) -> Result:
    """The end that *attempts* came to; *unrepeatable* says why there is no second one although waiting would heal."""
    last, reason = attempts[-1], None
    outcome: Outcome
    if last.received_signal is not None:
        outcome = "interrupted"
    elif last.exit_code == 0:
        outcome = "applied"
    elif last.is_retryable:
        outcome, reason = ("not-retried", unrepeatable) if unrepeatable else ("gave-up", None)
    else:
        reason = _reason(attempts)
        outcome = "not-retried" if reason else "failed"
    return Result(
        outcome=outcome,
        exit_code=last.exit_code,
        attempts=tuple(attempts),
        reason=reason,
    )


def _reason(attempts: Sequence[Attempt]) -> str | None:
    if not attempts[-1].watched and attempts[-1].exit_code == 1:
        return "tfretry failed to read what terraform printed; please report it"
    # Only a run that has met a known error owes an explanation; bare terraform's other failures speak for themselves.
    unexplained = attempts[-1].diagnosis.unexplained
    met_a_cause = len(attempts) > 1 or attempts[-1].diagnosis.met_cause
    return _in_the_way(unexplained, is_retry=len(attempts) > 1) if unexplained and met_a_cause else None


def _in_the_way(unexplained: Finding, *, is_retry: bool) -> str:
    if ASKING_FOR_APPROVAL in unexplained.summary and "EOF" in unexplained.summary:
        return (
            "terraform asked for approval again and stdin was at its end; a retry needs -auto-approve or a saved plan"
        )
    if unexplained.hides_others:
        hidden = "-consolidate-errors hides errors that have the same summary, and perhaps another reason"
        return f"{hidden} ({unexplained.address or 'terraform'}: {unexplained.summary})"
    reason = f"{unexplained.address or 'terraform'} failed for another reason ({unexplained.summary})"
    if STATE_LOCKED in unexplained.summary and is_retry:
        return f"{reason}; with -lock-timeout=DURATION terraform waits for the lock"
    return reason


def interrupted(attempts: Sequence[Attempt], number: int, *, meanwhile: str) -> Result:
    """The end by signal *number* between two attempts; *meanwhile* says what we were about."""
    return Result(
        outcome="interrupted",
        exit_code=128 + number,
        attempts=tuple(attempts),
        reason=meanwhile,
    )


def refused(attempts: Sequence[Attempt], reason: str, *details: str) -> Result:
    """The end where the approved plan is not continued: the exit code is that of the apply that failed."""
    return Result(
        outcome="refused",
        exit_code=attempts[-1].exit_code,
        attempts=tuple(attempts),
        reason=reason,
        details=details,
    )

"""What a whole run came to: all its attempts, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tfretry.approval import Refusal
from tfretry.attempts import Attempt

Ending = Literal["applied", "failed", "gave-up", "interrupted", "not-retried", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a run."""

    ending: Ending
    exit_code: int  # negative: terraform died of that signal
    attempts: tuple[Attempt, ...]
    reason: str | None = None  # for people: why it was not retried, in a clause
    interrupted_wait: int | None = None  # the signal that ended a wait
    refusals: tuple[Refusal, ...] = ()

    @property
    def first(self) -> Attempt:
        """The attempt that the user asked for."""
        return self.attempts[0]

    @property
    def last(self) -> Attempt:
        """The attempt that decided."""
        return self.attempts[-1]

    @property
    def since_first_failure_s(self) -> float:
        """Seconds from the end of the first attempt to the end of the last."""
        return self.last.ended_s - self.first.ended_s

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the first attempt to the end of the last."""
        return self.last.ended_s - self.first.began_s

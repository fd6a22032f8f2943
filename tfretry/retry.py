"""The policy: when the next attempt starts, and when there is none. All of it is one tenacity expression."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, stop_never
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from tfretry.attempt import Attempt
from tfretry.config.settings import Settings

# The optimum of a grid over five plausible distributions of the role's propagation time; the README shows a simulation.
PROPORTION = 0.5
SHORTEST_WAIT_S = 2.0
JITTER = (0.75, 1.25)
ALWAYS_ALLOWED = 3  # the first attempt and two retries, however long each takes


class wait_in_proportion(wait_base):  # noqa: N801  # named as tenacity names its own
    """Wait longer the longer it has lasted, and less after an attempt that itself took long."""

    def __init__(self, settings: Settings, first: Attempt, *, uniform: Callable[[float, float], float]) -> None:
        self._settings = settings
        self._first = first
        self._uniform = uniform

    def __call__(self, retry_state: RetryCallState) -> float:
        """The seconds from the end of the last attempt to the start of the next."""
        last = _last(retry_state)
        longest_s, first_s = self._settings.longest_wait_s, self._settings.first_wait_s
        shortest_s = min(SHORTEST_WAIT_S, longest_s, first_s)
        spacing_s = max(first_s, PROPORTION * (last.ended_s - self._first.ended_s)) - last.duration_s
        wait_s = min(max(spacing_s, shortest_s), longest_s)
        return min(longest_s, wait_s * self._uniform(*JITTER))


class stop_at_deadline(stop_base):  # noqa: N801  # named as tenacity names its own
    """No attempt starts later than this after the first failure, except the first two retries."""

    def __init__(self, settings: Settings, first: Attempt) -> None:
        self._first = first
        self._deadline_s = max(settings.timeout_s, 2 * first.duration_s)

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Whether the next attempt would start after the deadline."""
        elapsed_s = _last(retry_state).ended_s - self._first.ended_s
        is_late = elapsed_s + retry_state.upcoming_sleep > self._deadline_s
        return is_late and retry_state.attempt_number >= ALWAYS_ALLOWED


def retry_until_ready(
    first: Attempt,
    run: Callable[[Attempt], Attempt],
    *,
    settings: Settings,
    sleep: Callable[[float], None],
    uniform: Callable[[float, float], float] = random.uniform,
) -> Attempt:
    """Run again after *first*, which failed, until an attempt applies, fails for good, or time or attempts are up.

    *run* is given the attempt before it, *sleep* the seconds between the two. Returns the last attempt; one that heals
    means that we gave up.
    """
    retrying = Retrying(
        retry=retry_if_result(lambda attempt: attempt.heals),
        stop=stop_at_deadline(settings, first)
        | (stop_after_attempt(settings.max_attempts) if settings.max_attempts else stop_never),
        wait=wait_in_proportion(settings, first, uniform=uniform),
        sleep=sleep,
        retry_error_callback=_last,
    )
    attempts = _attempts(first, run)
    return retrying(lambda: next(attempts))


def _attempts(first: Attempt, run: Callable[[Attempt], Attempt]) -> Iterator[Attempt]:
    attempt = first
    while True:
        yield attempt
        attempt = run(attempt)


def _last(retry_state: RetryCallState) -> Attempt:
    assert retry_state.outcome is not None  # noqa: S101  # tenacity sets it before it asks
    attempt: Attempt = retry_state.outcome.result()
    return attempt

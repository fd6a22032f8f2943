"""When the next attempt starts, and when there is none: one expression of tenacity."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from tenacity import Retrying

from tfretry.attempt import Attempt
from tfretry.config.settings import Settings

# See "The schedule" in tests/bench/README.md.
PROPORTION = 0.5
SHORTEST_WAIT_S = 2.0
JITTER = (0.75, 1.25)
ALWAYS_ALLOWED = 3  # the first attempt and two retries, however long each takes


def waits(
    settings: Settings,
    attempts: Sequence[Attempt],
    *,
    uniform: Callable[[float, float], float] = random.uniform,
) -> Iterator[float]:
    """Yield the seconds to wait before each further attempt, as long as there is to be one.

    The caller appends one attempt to *attempts* after each. The seconds count from the end of the last attempt.
    """
    # For each attempt tenacity asks in this order: retry, wait (whose answer is `upcoming_sleep`), stop, sleep.
    retrying = Retrying(
        retry=lambda _: attempts[-1].is_retryable or attempts[-1].needs_refresh(attempts[0]),
        stop=lambda state: (
            stop_at_deadline(settings, attempts, state.upcoming_sleep) or stop_at_max_attempts(settings, attempts)
        ),
        wait=lambda _: wait_in_proportion(settings, attempts, uniform=uniform),
        sleep=lambda _: None,  # the caller waits
        retry_error_callback=lambda _: None,  # otherwise tenacity raises a RetryError
    )
    for trial in retrying:
        if trial.retry_state.attempt_number > 1:
            yield trial.retry_state.upcoming_sleep
        trial.retry_state.set_result(attempts[-1])


def wait_in_proportion(
    settings: Settings, attempts: Sequence[Attempt], *, uniform: Callable[[float, float], float]
) -> float:
    """Return the seconds from the end of the last attempt to the start of the next.

    They are in proportion to the time since the first failure, less the duration of the last attempt.
    """
    first, last = attempts[0], attempts[-1]
    longest_s, first_s = settings.longest_wait_s, settings.first_wait_s
    if last.needs_refresh(first) or (first_s == 0 and last is first):
        return 0.0
    shortest_s = min(SHORTEST_WAIT_S, longest_s, first_s or SHORTEST_WAIT_S)
    spacing_s = max(first_s, PROPORTION * (last.ended_s - first.ended_s)) - last.duration_s
    wait_s = min(max(spacing_s, shortest_s), longest_s)
    return min(longest_s, wait_s * uniform(*JITTER))


def stop_at_deadline(settings: Settings, attempts: Sequence[Attempt], wait_s: float) -> bool:
    """Return whether the next attempt, after *wait_s*, would start after the deadline.

    The deadline is `--timeout` after the first failure, or twice the duration of the first attempt if that is longer.
    The first two retries are always allowed.
    """
    first, elapsed_s = attempts[0], attempts[-1].ended_s - attempts[0].ended_s
    is_late = elapsed_s + wait_s > max(settings.timeout_s, 2 * first.duration_s)
    return is_late and _counted(attempts) >= ALWAYS_ALLOWED


def stop_at_max_attempts(settings: Settings, attempts: Sequence[Attempt]) -> bool:
    """Return whether `--max-attempts` is reached; an attempt that the backend refused to begin does not count."""
    return settings.max_attempts is not None and _counted(attempts) >= settings.max_attempts


def _counted(attempts: Sequence[Attempt]) -> int:
    return sum(not attempt.needs_refresh(attempts[0]) for attempt in attempts)

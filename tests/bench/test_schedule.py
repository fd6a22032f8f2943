"""A simulation of when to apply again. Its assumptions are in `ASSUMED`, and are printed with the figures."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import tenacity
from benching import show

from tfretry.config.settings import Settings
from tfretry.policy import stop_at_deadline, wait_in_proportion

pytestmark = pytest.mark.bench

ASSUMED = (
    "Assumed: the role begins to propagate with the first failure; it takes 70 % lognormal(8 s, 0.6), "
    "25 % lognormal(30 s, 0.7), 5 % lognormal(180 s, 0.9). Each apply takes the same time, and its last call is the "
    "one that needs the role: it works if the role is ready by the apply's end. Seed 6, 4,000 runs for each duration."
)
RUNS = 4000
DURATIONS_S = (2, 20, 120, 600)
WITHIN_S = Settings().timeout_s
NEVER_MORE = 100_000  # applies: an endless loop ends all the same


def ready_after_s(chance: random.Random) -> float:
    """Seconds from the first failure until the role can be assumed."""
    share = chance.random()
    median_s, sigma = (8, 0.6) if share < 0.7 else (30, 0.7) if share < 0.95 else (180, 0.9)
    return chance.lognormvariate(math.log(median_s), sigma)


def simulated(wait, stop, attempts, *, apply_s, ready_s):
    """Return the seconds from ready to applied (None: given up) and the number of applies.

    *wait* and *stop* are tenacity's, or ours, which read the *attempts* so far.
    """
    state = tenacity.RetryCallState(retry_object=None, fn=None, args=(), kwargs={})
    state.start_time = 0.0
    now_s = 0.0
    for attempt in itertools.count(1):
        if attempt > 1 and now_s >= ready_s:
            return now_s - ready_s, attempt
        state.attempt_number = attempt
        state.outcome_timestamp = now_s
        state.outcome = Future()
        state.outcome.set_result(None)
        attempts.append(SimpleNamespace(ended_s=now_s, duration_s=float(apply_s), needs_refresh=lambda _: False))
        state.upcoming_sleep = wait(state)
        if stop(state) or attempt == NEVER_MORE:
            return None, attempt
        now_s += state.upcoming_sleep + apply_s
    raise AssertionError


def policies(chance, attempts):
    """Return the wait and the stop of each, by name; the first is what tfretry ships."""
    late = tenacity.stop_before_delay(WITHIN_S)
    settings = Settings()
    return {
        "tfretry": (
            lambda _: wait_in_proportion(settings, attempts, uniform=chance.uniform),
            lambda state: stop_at_deadline(settings, attempts, state.upcoming_sleep),
        ),
        "every 5 s, 15 min": (tenacity.wait_fixed(5), late),
        "every 10 s, 15 min": (tenacity.wait_fixed(10), late),
        "3 times 5 s (Terragrunt)": (tenacity.wait_fixed(5), tenacity.stop_after_attempt(4)),
        "full jitter to 60 s (tenacity), 15 min": (_jitter(chance), late),
        "endless loop without a pause": (tenacity.wait_none(), tenacity.stop_never),
    }


def _jitter(chance):
    # As tenacity.wait_random_exponential(multiplier=1, max=60), but from a seed.
    high = tenacity.wait_exponential(multiplier=1, max=60)
    return lambda state: chance.uniform(0, high(state))


def test_the_schedule_beside_others():
    """Success, time from ready to applied, and applies, for each duration of an apply."""
    show(ASSUMED)
    show(
        "| policy | apply takes | applied | ready to applied: median, mean, p90 | applies: mean |\n"
        "|---|---|---|---|---|"
    )
    for apply_s in DURATIONS_S:
        for name in policies(random.Random(6), []):
            chance, delays, attempts = random.Random(6), random.Random(6), []
            wait, stop = policies(chance, attempts)[name]
            ends = []
            for _ in range(RUNS):
                attempts.clear()
                ends.append(simulated(wait, stop, attempts, apply_s=apply_s, ready_s=ready_after_s(delays)))
            times = [late_s for late_s, _ in ends if late_s is not None]
            assert times
            share, applies = len(times) / RUNS, statistics.mean(count for _, count in ends)
            p90 = statistics.quantiles(times, n=10)[8]
            show(
                f"| {name} | {apply_s} s | {share:.1%} | {statistics.median(times):.1f} s, "
                f"{statistics.mean(times):.1f} s, {p90:.1f} s | {applies:.1f} |"
            )

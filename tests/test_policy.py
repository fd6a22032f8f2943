from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Diagnosis, Finding
from tfretry.causes.table import TABLE
from tfretry.config.settings import Settings
from tfretry.output.progress import Progress
from tfretry.policy import waits
from tfretry.terraform.command import NO_REFRESH
from tfretry.terraform.messages import NO_REFRESH_REFUSED

ROLE_FINDING = Finding(address="aws_ecs_service.this", summary="role", cause=TABLE[0])
TRANSIENT = Diagnosis(errors=1, findings=(ROLE_FINDING,), unexplained=None)
NOTHING = Diagnosis(errors=0, findings=(), unexplained=None)


class World:
    """A clock that only waits and applies move, and a terraform that fails until *ready_s*."""

    def __init__(self, *, ready_s: float = float("inf"), apply_s: float = 1.0) -> None:
        self.now_s = 0.0
        self.ready_s = ready_s
        self.apply_s = apply_s
        self.waits: list[float] = []
        self.attempts = 0

    def apply(self) -> Attempt:
        began_s = self.now_s
        self.now_s += self.apply_s
        self.attempts += 1
        ready = began_s >= self.ready_s
        return Attempt(
            argv=("terraform", "apply"),
            started=began_s,
            began_s=began_s,
            ended_s=self.now_s,
            exit_code=0 if ready else 1,
            received_signal=None,
            diagnosis=NOTHING if ready else TRANSIENT,
            progress=Progress(),
            left_line_open=False,
            version=None,
        )

    def run(self, settings: Settings, *, first=None, apply=None, uniform=lambda _low, _high: 1.0) -> list[Attempt]:
        attempts = [first or self.apply()]
        for wait_s in waits(settings, attempts, uniform=uniform):
            self.waits.append(wait_s)
            self.now_s += wait_s
            attempts.append((apply or self.apply)())
        return attempts


def test_retries_until_the_role_is_ready():
    """The last attempt is the one that succeeded."""
    world = World(ready_s=40)
    assert world.run(Settings())[-1].exit_code == 0


def test_waits_are_in_proportion_to_the_time_since_the_first_failure():
    """First 6 s, then half of that time, less the duration of the attempt; at most 30 s."""
    world = World(apply_s=1)
    world.run(Settings(max_attempts=8))
    elapsed_s, expected = 0.0, []
    for _ in range(7):
        expected.append(min(30, max(max(6, 0.5 * elapsed_s) - 1, 2)))
        elapsed_s += expected[-1] + 1
    assert world.waits == pytest.approx(expected)


def test_after_a_long_attempt_the_wait_is_the_shortest():
    """The provider has polled during the attempt."""
    world = World(apply_s=120)
    world.run(Settings(max_attempts=3))
    assert world.waits == [2, 2]


def test_a_smaller_value_of_the_user_lowers_the_shortest_wait():
    """A fixed minimum of 2 s would override it."""
    world = World(apply_s=10)
    world.run(Settings(first_wait_s=0.1, max_attempts=2))
    assert world.waits == [0.1]


def test_a_first_wait_of_zero_applies_to_the_first_retry_only():
    """Every later wait keeps its minimum."""
    world = World(apply_s=1)
    world.run(Settings(first_wait_s=0, max_attempts=5))
    assert world.waits == [0, 2, 2, 2.5]


def test_no_wait_is_longer_than_the_longest_even_with_jitter():
    """The limit holds after the jitter."""
    world = World(apply_s=1)
    world.run(Settings(longest_wait_s=10), uniform=lambda _low, high: high)
    assert max(world.waits) == 10


def test_jitter_spreads_the_waits_by_a_quarter():
    """A thousand jobs that fail together do not retry together."""
    waits = []
    for seed in range(300):
        world = World(apply_s=1)
        world.run(Settings(max_attempts=2), uniform=random.Random(seed).uniform)
        waits += world.waits
    assert 3.75 <= min(waits) < 4.0
    assert 6.0 < max(waits) <= 6.25


def test_no_attempt_starts_after_the_deadline():
    """And there is no wait for one."""
    world = World(apply_s=1)
    last = world.run(Settings(timeout_s=60))[-1]
    assert last.is_retryable
    assert last.began_s - 1 <= 60
    assert world.now_s == last.ended_s


def test_the_first_two_retries_are_always_made():
    """However short the timeout is."""
    world = World(apply_s=1)
    world.run(Settings(timeout_s=0))
    assert world.attempts == 3


def test_the_deadline_is_at_least_twice_the_first_attempt():
    """A timeout shorter than an apply would leave no time for a retry."""
    world = World(apply_s=600)
    first = world.apply()
    world.apply_s = 1
    last = world.run(Settings(timeout_s=60), first=first)[-1]
    assert 1150 < last.began_s - first.ended_s <= 1200


def test_max_attempts_overrides_the_timeout_and_the_two_retries():
    """One attempt means no retry."""
    world = World()
    assert world.run(Settings(max_attempts=1))[-1].is_retryable
    assert (world.attempts, world.waits) == (1, [])


def test_there_is_no_wait_after_the_last_attempt():
    """Two attempts have one wait between them."""
    world = World()
    world.run(Settings(max_attempts=2))
    assert len(world.waits) == 1


def test_a_permanent_failure_of_a_retry_ends_the_run():
    """Every attempt is classified."""
    world = World()
    unexplained = Finding(address=None, summary="AccessDenied", cause=None)
    permanent = replace(world.apply(), diagnosis=Diagnosis(errors=1, findings=(unexplained,), unexplained=unexplained))
    last = world.run(Settings(), apply=lambda: permanent)[-1]
    assert last is permanent
    assert len(world.waits) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"exit_code": 0}, False),
        ({"exit_code": 2}, False),
        ({"exit_code": 11}, False),
        ({"exit_code": -9}, False),
        ({"received_signal": 2}, False),
        ({"diagnosis": NOTHING}, False),
    ],
)
def test_only_exit_code_1_without_a_signal_is_retryable(changes, expected):
    """And only with at least one error, all of which have a cause."""
    assert replace(World().apply(), **changes).is_retryable is expected


REFUSAL = Finding(address=None, summary=f"Error: {NO_REFRESH_REFUSED}", cause=None)
REFUSED = Diagnosis(errors=1, findings=(REFUSAL,), unexplained=REFUSAL)


def refusing(world, **changes):
    """Return an attempt with our -refresh=false that the backend refused to begin."""
    return replace(world.apply(), argv=("terraform", "apply", NO_REFRESH), diagnosis=REFUSED, **changes)


def test_a_refusal_of_no_refresh_is_followed_by_an_attempt_at_once():
    """It does not count for --max-attempts, since nothing was applied."""
    world = World(ready_s=5)
    second = refusing(world)
    answers = iter([second, world.apply()])
    attempts = world.run(Settings(max_attempts=2), apply=lambda: next(answers))
    assert attempts[1] is second
    assert len(attempts) == 3
    assert world.waits == [5, 0]


@pytest.mark.parametrize("changes", [{"received_signal": 15}, {"exit_code": 2}, {"exit_code": -9}], ids=str)
def test_a_refused_attempt_is_repeated_only_if_it_ended_by_itself(changes):
    """After a signal nothing is retried, whatever terraform prints."""
    world = World()
    assert len(world.run(Settings(), apply=lambda: refusing(world, **changes))) == 2


def test_a_refusal_of_the_users_own_no_refresh_is_final():
    """The retry would have the same option, and would be refused for ever."""
    world = World()
    first = replace(world.apply(), argv=("terraform", "apply", NO_REFRESH))
    assert not refusing(world).needs_refresh(first)

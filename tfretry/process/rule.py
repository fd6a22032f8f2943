"""The signal rule: from what arrived and what is known, what to do about terraform. Pure."""

from __future__ import annotations

import enum
import signal
from dataclasses import dataclass

STOPS = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
# What terraform takes as an interrupt: the second one makes it exit at once, and lose what it has not saved.
INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM})

PATIENCE_S = 0.5  # how long a witness may take to tell that terraform has the signal too
SLACK_S = 0.1  # how much earlier than the signal a witness may be noticed
EARLY_S = 0.1  # a signal of the terminal this soon after the start is not taken on trust


class Ruling(enum.Enum):
    """What to do about a signal that reached us."""

    NOTHING = "it does not concern terraform"
    KEEP = "terraform has its own"
    WAIT = "a witness may still speak"
    FORWARD = "terraform has not got it: pass it on"
    TERMINATE = "ask terraform to stop, with SIGTERM"
    RESIZE = "the terminal's size may have changed: copy it, then pass the signal on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A signal that reached us, at a time of the monotonic clock."""

    signal: int
    at: float
    from_terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The sentinel's, by a signal."""

    signal: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a signal is judged; *started* is when terraform was forked: what came before, it has not."""

    started: float
    undecided: bool = False  # an interrupt is still being judged
    interrupted_at: float | None = None  # since when we know that terraform has had one, its own or ours
    banner_at: float | None = None  # when terraform first said that it was interrupted
    deaths: tuple[Death, ...] = ()


def judge(arrival: Arrival, facts: Facts, now: float) -> Ruling:
    """What to do about *arrival*, at *now*."""
    if arrival.signal in (signal.SIGWINCH, signal.SIGCONT):
        return Ruling.RESIZE
    if arrival.signal not in STOPS:
        return Ruling.NOTHING
    if arrival.signal == signal.SIGHUP:
        return _judge_hangup(facts)
    if arrival.at <= facts.started:
        return Ruling.FORWARD
    of_the_group = arrival.from_terminal and arrival.at >= facts.started + EARLY_S
    if of_the_group or _is_witnessed(arrival, facts):
        return Ruling.KEEP
    return Ruling.FORWARD if now >= arrival.at + PATIENCE_S else Ruling.WAIT


def _judge_hangup(facts: Facts) -> Ruling:
    """Terraform ignores hang-ups under us: it is to stop and save its state, but not by a second interrupt."""
    if facts.interrupted_at is not None:
        return Ruling.KEEP
    return Ruling.WAIT if facts.undecided else Ruling.TERMINATE


def _is_witnessed(arrival: Arrival, facts: Facts) -> bool:
    if any(death.signal == arrival.signal and _belongs(death.at, arrival) for death in facts.deaths):
        return True
    if arrival.signal not in INTERRUPTS or facts.banner_at is None:
        return False
    # The banner comes once: after an interrupt that we know of it speaks of that one.
    explained = facts.interrupted_at is not None and facts.interrupted_at <= facts.banner_at
    return not explained and _belongs(facts.banner_at, arrival)


def _belongs(seen_at: float, arrival: Arrival) -> bool:
    return arrival.at - SLACK_S <= seen_at <= arrival.at + PATIENCE_S

"""The signal rule: from what arrived and what is known, what to do about terraform. Pure."""

from __future__ import annotations

import enum
import signal
from dataclasses import dataclass

TERMINATING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2})
# What terraform takes as an interrupt: the second one makes it exit at once, and lose what it has not saved.
INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM})

EVIDENCE_TIMEOUT_S = 0.5  # how long a witness may take to tell that terraform has the signal too
CLOCK_SLACK_S = 0.1  # how much earlier than the signal a witness may be noticed
STARTUP_S = 0.1  # a signal of the terminal this soon after the start is not taken on trust


class Action(enum.Enum):
    """What to do about a signal that reached us."""

    NOTHING = "it does not concern terraform"
    KEEP = "terraform has its own"
    WAIT = "a witness may still speak"
    FORWARD = "terraform has not got it: pass it on"
    TERMINATE = "ask terraform to stop, with SIGTERM"
    RESIZE = "the terminal's size may have changed: copy it, then pass the signal on"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSignal:
    """A signal that reached us, at a time of the monotonic clock."""

    signal: int
    at: float
    from_terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryDeath:
    """The canary's, by a signal."""

    signal: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known when a signal is judged; *started* is when terraform was forked: what came before, it has not."""

    started: float
    undecided: bool = False  # an interrupt is still being judged
    interrupted_at: float | None = None  # since when we know that terraform has had one, its own or ours
    notice_at: float | None = None  # when terraform first said that it was interrupted
    deaths: tuple[CanaryDeath, ...] = ()


def decide(received: ReceivedSignal, evidence: Evidence, now: float) -> Action:
    """What to do about *received*, at *now*."""
    if received.signal in (signal.SIGWINCH, signal.SIGCONT):
        return Action.RESIZE
    if received.signal not in TERMINATING:
        return Action.NOTHING
    if received.signal == signal.SIGHUP:
        return _judge_hangup(evidence)
    if received.at <= evidence.started:
        return Action.FORWARD
    of_the_group = received.from_terminal and received.at >= evidence.started + STARTUP_S
    if of_the_group or _is_witnessed(received, evidence):
        return Action.KEEP
    return Action.FORWARD if now >= received.at + EVIDENCE_TIMEOUT_S else Action.WAIT


def _judge_hangup(evidence: Evidence) -> Action:
    """Terraform ignores hang-ups under us: it is to stop and save its state, but not by a second interrupt."""
    if evidence.interrupted_at is not None:
        return Action.KEEP
    return Action.WAIT if evidence.undecided else Action.TERMINATE


def _is_witnessed(received: ReceivedSignal, evidence: Evidence) -> bool:
    if any(death.signal == received.signal and _belongs(death.at, received) for death in evidence.deaths):
        return True
    if received.signal not in INTERRUPTS or evidence.notice_at is None:
        return False
    # The notice comes once: after an interrupt that we know of it speaks of that one.
    explained = evidence.interrupted_at is not None and evidence.interrupted_at <= evidence.notice_at
    return not explained and _belongs(evidence.notice_at, received)


def _belongs(seen_at: float, received: ReceivedSignal) -> bool:
    return received.at - CLOCK_SLACK_S <= seen_at <= received.at + EVIDENCE_TIMEOUT_S

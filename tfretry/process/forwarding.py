"""When to forward a signal to terraform: a pure function of the signal and the evidence.

A signal sent to our process group has reached terraform too; one sent to us alone has not. Terraform takes a second
interrupt as "exit now and lose state", so exactly the second kind must be forwarded. The kernel tells them apart for
the terminal only (`si_code == SI_KERNEL`), so we look for evidence for half a second: a canary process in our group
that dies of the signal, or terraform's own "Interrupt received.". Without evidence, the signal is forwarded. SIGHUP is
different: terraform ignores it under us, since it would die of it with its state unsaved; it gets one SIGTERM instead.
"""

from __future__ import annotations

import enum
import signal
from dataclasses import dataclass

from tfretry.process.signalmask import TERMINATING

INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM})  # those that terraform counts

# Measured on a machine under load, with 40 signals to the group: evidence came 0.1 to 31 ms after the signal. With half
# a second, no signal was doubled or lost, whoever was sent it and wherever terraform's output went.
EVIDENCE_TIMEOUT_S = 0.5
# Two threads read the clock: evidence may be dated before its signal. It never was in those 40; the rest is margin.
CLOCK_SLACK_S = 0.1
# In the same runs sh returned 4 to 55 ms after the time that we note before its fork. A signal that the terminal sends
# meanwhile may have come before the fork, to us alone: it needs evidence.
STARTUP_S = 0.1


class Action(enum.Enum):
    """How to handle a signal that we received."""

    IGNORE = "it does not concern terraform"
    SKIP = "terraform has received it too: do not forward it"
    WAIT = "evidence may still come: decide later"
    FORWARD = "terraform has not received it: forward it"
    TERMINATE = "send SIGTERM to terraform"
    RESIZE = "copy the size of the terminal, which may have changed, then forward the signal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSignal:
    """A signal that we received, and when, by the monotonic clock."""

    signal: int
    at: float
    from_terminal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryDeath:
    """The death of a canary by a signal, and when we noticed it."""

    signal: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about terraform when a signal is decided on; times are of the monotonic clock."""

    started: float  # when terraform was forked: it has received no earlier signal
    undecided: bool = False  # an earlier interrupt is still undecided
    interrupted_at: float | None = None  # when we first knew that terraform has received an interrupt
    notice_at: float | None = None  # when terraform first printed that it was interrupted
    deaths: tuple[CanaryDeath, ...] = ()


def decide(received: ReceivedSignal, evidence: Evidence, now: float) -> Action:
    """Return how to handle *received* at *now*."""
    if received.signal in (signal.SIGWINCH, signal.SIGCONT):
        return Action.RESIZE
    if received.signal not in TERMINATING:
        return Action.IGNORE
    if received.signal == signal.SIGHUP:
        return _decide_hangup(evidence)
    if received.at <= evidence.started:
        return Action.FORWARD
    reached_group = received.from_terminal and received.at >= evidence.started + STARTUP_S
    if reached_group or _has_reached_terraform(received, evidence):
        return Action.SKIP
    return Action.FORWARD if now >= received.at + EVIDENCE_TIMEOUT_S else Action.WAIT


def _decide_hangup(evidence: Evidence) -> Action:
    """Let terraform stop and save its state, but never send it a second interrupt."""
    if evidence.interrupted_at is not None:
        return Action.SKIP
    return Action.WAIT if evidence.undecided else Action.TERMINATE


def _has_reached_terraform(received: ReceivedSignal, evidence: Evidence) -> bool:
    if any(death.signal == received.signal and _is_close(death.at, received) for death in evidence.deaths):
        return True
    if received.signal not in INTERRUPTS or evidence.notice_at is None:
        return False
    # Terraform prints the notice once: if we knew of an interrupt before, the notice is about that one.
    is_explained = evidence.interrupted_at is not None and evidence.interrupted_at <= evidence.notice_at
    return not is_explained and _is_close(evidence.notice_at, received)


def _is_close(seen_at: float, received: ReceivedSignal) -> bool:
    return received.at - CLOCK_SLACK_S <= seen_at <= received.at + EVIDENCE_TIMEOUT_S

"""Attends to a terraform that runs: hands it the signals that it has not got, and waits for its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from tfretry.process.channels import Channel
from tfretry.process.delivery import Canary, InterruptNotice
from tfretry.process.forwarding import (
    EVIDENCE_TIMEOUT_S,
    INTERRUPTS,
    TERMINATING,
    Action,
    Evidence,
    ReceivedSignal,
    decide,
)
from tfretry.process.guardian import Guardian
from tfretry.process.pump import DRAIN_S, Pump
from tfretry.process.signals import Signals

LOOK_AGAIN_S = 1.0  # sh's own thread may be looking at the child just when we do


class Child(Protocol):
    """Terraform, as far as it is attended to."""

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""

    def signal(self, signo: int) -> None:
        """Send it *signo*; nothing happens when it has ended."""


class Supervisor:
    """The signals of one run: *signals* tells those that reach us, the witnesses those that terraform has too."""

    def __init__(
        self,
        child: Child,
        *,
        signals: Signals,
        guardian: Guardian,
        canary: Canary,
        channels: Sequence[Channel],
        notices: Sequence[InterruptNotice],
    ) -> None:
        self.first_signal: int | None = None
        self._child = child
        self._signals = signals
        self._guardian = guardian
        self._canary = canary
        self._channels = channels
        self._notices = notices
        self._undecided: list[ReceivedSignal] = []
        self._evidence = Evidence(started=time.monotonic())

    def forward_pending(self) -> None:
        """Directly after the spawn: what was pending at its fork reached us alone, what came since goes by the rule.

        Terraform may be up before we are here, and have the signals of its group.
        """
        fork = self._signals.last_fork
        self._evidence = Evidence(started=fork.at)
        pending = self._signals.take_pending()
        self._settle(replace(each, at=fork.at) if each.signal in fork.pending else each for each in pending)

    def wait(self) -> None:
        """Return when terraform has ended, however long that takes; it is never killed."""
        while self._child.is_alive():
            received = self._signals.take(self._patience_s())
            self._settle([received] if received else [])

    def drain(self, pump: Pump) -> None:
        """Return when all output is written; a signal ends the wait for a reader that does not read."""
        pump.drain()
        limit_s = None
        while not pump.done and (limit_s is None or time.monotonic() < limit_s):
            received = self._signals.take(None if limit_s is None else max(0.0, limit_s - time.monotonic()))
            if received and self._is_stop(received) and limit_s is None:
                limit_s = time.monotonic() + DRAIN_S
        for received in self._signals.take_pending():  # one that has ended terraform at once may not have been seen
            self._is_stop(received)

    def _settle(self, came: Iterable[ReceivedSignal]) -> None:
        arrivals = [*self._undecided, *came, *self._signals.take_pending()]
        # All that is pending is taken before a death is looked for: then no death comes before its signal.
        if death := self._canary.death():
            self._evidence = replace(self._evidence, deaths=(*self._evidence.deaths[-8:], death))
        notices = [notice.seen_at for notice in self._notices if notice.seen_at is not None]
        self._evidence = replace(self._evidence, notice_at=min(notices, default=None))
        self._undecided = []
        # A hang-up is judged last: what asks terraform to stop anyway makes its SIGTERM a second one.
        for received in sorted(arrivals, key=lambda received: received.signal == signal.SIGHUP):
            self._is_stop(received)
            self._act(received)

    def _act(self, received: ReceivedSignal) -> None:
        undecided = any(waiting.signal in INTERRUPTS for waiting in self._undecided)
        evidence = replace(self._evidence, undecided=undecided)
        match decide(received, evidence, time.monotonic()):
            case Action.WAIT:
                self._undecided.append(received)
            case Action.FORWARD:
                self._send(received.signal)
            case Action.TERMINATE:
                self._send(signal.SIGTERM)
            case Action.KEEP if received.signal in INTERRUPTS:
                self._know_interrupted()
            case Action.RESIZE:
                for channel in self._channels:
                    channel.copy_size()
                self._child.signal(received.signal)

    def _send(self, signo: int) -> None:
        if signo in INTERRUPTS:
            self._know_interrupted()  # before it is sent: a guardian that learns too late sends a second one
        self._child.signal(signo)

    def _know_interrupted(self) -> None:
        if self._evidence.interrupted_at is None:
            self._evidence = replace(self._evidence, interrupted_at=time.monotonic())
        self._guardian.terraform_was_interrupted()

    def _is_stop(self, received: ReceivedSignal) -> bool:
        if received.signal in TERMINATING and self.first_signal is None:
            self.first_signal = received.signal
        return received.signal in TERMINATING

    def _patience_s(self) -> float:
        """Until the first of the undecided must be decided; a hang-up among them waits for the others."""
        limits = [received.at + EVIDENCE_TIMEOUT_S for received in self._undecided if received.signal != signal.SIGHUP]
        return max(0.0, min(limits, default=time.monotonic() + LOOK_AGAIN_S) - time.monotonic())

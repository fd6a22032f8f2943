"""Attends to a terraform that runs: hands it the signals that it has not got, and waits for its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from tfretry.process.channels import Channel
from tfretry.process.guardian import Guardian
from tfretry.process.pump import DRAIN_S, Pump
from tfretry.process.rule import INTERRUPTS, PATIENCE_S, STOPS, Arrival, Facts, Ruling, judge
from tfretry.process.signals import Signals
from tfretry.process.witnesses import Banner, Sentinel

LOOK_AGAIN_S = 1.0  # sh's own thread may be looking at the child just when we do


class Child(Protocol):
    """Terraform, as far as it is attended to."""

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""

    def signal(self, signo: int) -> None:
        """Send it *signo*; nothing happens when it has ended."""


class Attendance:
    """The signals of one run: *signals* tells those that reach us, the witnesses those that terraform has too."""

    def __init__(
        self,
        child: Child,
        *,
        signals: Signals,
        guardian: Guardian,
        sentinel: Sentinel,
        channels: Sequence[Channel],
        banners: Sequence[Banner],
    ) -> None:
        self.first_signal: int | None = None
        self._child = child
        self._signals = signals
        self._guardian = guardian
        self._sentinel = sentinel
        self._channels = channels
        self._banners = banners
        self._undecided: list[Arrival] = []
        self._facts = Facts(started=time.monotonic())

    def pass_on_pending(self) -> None:
        """Directly after the spawn: what was pending at its fork reached us alone, what came since goes by the rule.

        Terraform may be up before we are here, and have the signals of its group.
        """
        fork = self._signals.last_fork
        self._facts = Facts(started=fork.at)
        pending = self._signals.take_pending()
        self._settle(replace(each, at=fork.at) if each.signal in fork.pending else each for each in pending)

    def until_end(self) -> None:
        """Return when terraform has ended, however long that takes; it is never killed."""
        while self._child.is_alive():
            arrival = self._signals.take(self._patience_s())
            self._settle([arrival] if arrival else [])

    def until_drained(self, pump: Pump) -> None:
        """Return when all output is written; a signal ends the wait for a reader that does not read."""
        pump.drain()
        limit_s = None
        while not pump.done and (limit_s is None or time.monotonic() < limit_s):
            arrival = self._signals.take(None if limit_s is None else max(0.0, limit_s - time.monotonic()))
            if arrival and self._is_stop(arrival) and limit_s is None:
                limit_s = time.monotonic() + DRAIN_S
        for arrival in self._signals.take_pending():  # one that has ended terraform at once may not have been seen
            self._is_stop(arrival)

    def _settle(self, came: Iterable[Arrival]) -> None:
        arrivals = [*self._undecided, *came, *self._signals.take_pending()]
        # All that is pending is taken before a death is looked for: then no death comes before its signal.
        if death := self._sentinel.death():
            self._facts = replace(self._facts, deaths=(*self._facts.deaths[-8:], death))
        banners = [banner.seen_at for banner in self._banners if banner.seen_at is not None]
        self._facts = replace(self._facts, banner_at=min(banners, default=None))
        self._undecided = []
        # A hang-up is judged last: what asks terraform to stop anyway makes its SIGTERM a second one.
        for arrival in sorted(arrivals, key=lambda arrival: arrival.signal == signal.SIGHUP):
            self._is_stop(arrival)
            self._act(arrival)

    def _act(self, arrival: Arrival) -> None:
        undecided = any(waiting.signal in INTERRUPTS for waiting in self._undecided)
        facts = replace(self._facts, undecided=undecided)
        match judge(arrival, facts, time.monotonic()):
            case Ruling.WAIT:
                self._undecided.append(arrival)
            case Ruling.FORWARD:
                self._send(arrival.signal)
            case Ruling.TERMINATE:
                self._send(signal.SIGTERM)
            case Ruling.KEEP if arrival.signal in INTERRUPTS:
                self._know_interrupted()
            case Ruling.RESIZE:
                for channel in self._channels:
                    channel.copy_size()
                self._child.signal(arrival.signal)

    def _send(self, signo: int) -> None:
        if signo in INTERRUPTS:
            self._know_interrupted()  # before it is sent: a guardian that learns too late sends a second one
        self._child.signal(signo)

    def _know_interrupted(self) -> None:
        if self._facts.interrupted_at is None:
            self._facts = replace(self._facts, interrupted_at=time.monotonic())
        self._guardian.terraform_was_interrupted()

    def _is_stop(self, arrival: Arrival) -> bool:
        if arrival.signal in STOPS and self.first_signal is None:
            self.first_signal = arrival.signal
        return arrival.signal in STOPS

    def _patience_s(self) -> float:
        """Until the first of the undecided must be decided; a hang-up among them waits for the others."""
        limits = [arrival.at + PATIENCE_S for arrival in self._undecided if arrival.signal != signal.SIGHUP]
        return max(0.0, min(limits, default=time.monotonic() + LOOK_AGAIN_S) - time.monotonic())

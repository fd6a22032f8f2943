"""Supervise a running terraform: forward the signals that it has not received itself, and wait for it to exit."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tfretry.process.channels import Channel
from tfretry.process.child import Child
from tfretry.process.delivery import Canary, InterruptNotice
from tfretry.process.forwarding import EVIDENCE_TIMEOUT_S, INTERRUPTS, Action, Evidence, ReceivedSignal, decide
from tfretry.process.guardian import Guardian
from tfretry.process.pump import DRAIN_S, Pump
from tfretry.process.signalmask import TERMINATING
from tfretry.process.signals import Signals

POLL_S = 1.0  # is_alive() returns True while sh's own thread holds its lock, also after the last SIGCHLD
DEATHS_KEPT = 9


class Supervisor:
    """Handles the signals of one run of *child*; *canary* and *notices* give the evidence."""

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
        self.first_signal: int | None = None  # the first terminating one that we received
        self._child = child
        self._signals = signals
        self._guardian = guardian
        self._canary = canary
        self._channels = channels
        self._notices = notices
        self._undecided: list[ReceivedSignal] = []
        self._evidence = Evidence(started=time.monotonic())

    def forward_pending(self) -> None:
        """Forward the signals that were pending at the fork, which only we received; decide on the later ones.

        Call it right after the spawn. Terraform may be running by then, and have received signals to its group.
        """
        fork = self._signals.last_fork
        self._evidence = Evidence(started=fork.at)
        pending = self._signals.take_pending()
        self._handle(replace(each, at=fork.at) if each.signal in fork.pending else each for each in pending)

    def wait(self) -> None:
        """Wait until terraform has exited, however long that takes; never kill it."""
        while self._child.is_alive():
            received = self._signals.take(self._timeout_s())
            self._handle([received] if received else [])

    def drain(self, pump: Pump) -> None:
        """Wait until *pump* has written all output; after a terminating signal, for DRAIN_S at most."""
        pump.set_deadline()
        limit_s = None
        while not pump.done and (limit_s is None or time.monotonic() < limit_s):
            received = self._signals.take(None if limit_s is None else max(0.0, limit_s - time.monotonic()))
            if received and received.signal in TERMINATING:
                self._note_first(received)
                limit_s = limit_s or time.monotonic() + DRAIN_S
        for received in self._signals.take_pending():  # the one that killed terraform may still be pending
            self._note_first(received)

    def _handle(self, new: Iterable[ReceivedSignal]) -> None:
        signals = [*self._undecided, *new, *self._signals.take_pending()]
        # The canary comes after take_pending(): otherwise its death could be seen before the signal that caused it.
        if death := self._canary.death():
            self._evidence = replace(self._evidence, deaths=(*self._evidence.deaths, death)[-DEATHS_KEPT:])
        notices = [notice.seen_at for notice in self._notices if notice.seen_at is not None]
        self._evidence = replace(self._evidence, notice_at=min(notices, default=None))
        self._undecided = []
        # Hang-ups come last: if another signal interrupts terraform, their SIGTERM would be the second interrupt.
        for received in sorted(signals, key=lambda received: received.signal == signal.SIGHUP):
            self._note_first(received)
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
            case Action.SKIP if received.signal in INTERRUPTS:
                self._note_interrupt()
            case Action.RESIZE:
                for channel in self._channels:
                    channel.copy_size()
                self._child.signal(received.signal)

    def _send(self, signo: int) -> None:
        if signo in INTERRUPTS:
            self._note_interrupt()  # first: if we are killed in between, the guardian must not send a second one
        self._child.signal(signo)

    def _note_interrupt(self) -> None:
        if self._evidence.interrupted_at is None:
            self._evidence = replace(self._evidence, interrupted_at=time.monotonic())
        self._guardian.note_interrupt()

    def _note_first(self, received: ReceivedSignal) -> None:
        if received.signal in TERMINATING and self.first_signal is None:
            self.first_signal = received.signal

    def _timeout_s(self) -> float:
        """Return the time until the first undecided signal must be decided; hang-ups wait for the others."""
        limits = [received.at + EVIDENCE_TIMEOUT_S for received in self._undecided if received.signal != signal.SIGHUP]
        return max(0.0, min(limits, default=time.monotonic() + POLL_S) - time.monotonic())

"""One attempt: terraform runs, its bytes are read on the way, and what it came to is known."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfretry.causes import Cause, Diagnosis, Judge
from tfretry.diagnostics import DiagnosticReader
from tfretry.process import Signals, run_terraform
from tfretry.progress import Change, ProgressReader

COLOUR_OR_RETURN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\r")
TAIL_SIZE = 256  # bytes: more colour codes than terraform ever writes in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one run of terraform came to; times are seconds."""

    argv: tuple[str, ...]
    started: float  # since the epoch
    began_s: float  # of the monotonic clock, like the end
    ended_s: float
    exit_code: int  # negative: died of that signal
    signalled: int | None
    diagnosis: Diagnosis
    finished: frozenset[Change]
    polled_s: float  # for how long the resource that met a known error was being created

    @property
    def duration_s(self) -> float:
        """How long terraform ran."""
        return self.ended_s - self.began_s

    @property
    def heals(self) -> bool:
        """Whether waiting alone is expected to mend this failure."""
        return self.exit_code == 1 and self.signalled is None and self.diagnosis.heals


class Tail:
    """The last bytes of a channel: they tell whether a line is open there."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, chunk: bytes) -> None:
        """Remember the end of *chunk*."""
        self._bytes = (self._bytes + chunk[-TAIL_SIZE:])[-TAIL_SIZE:]

    @property
    def is_mid_line(self) -> bool:
        """Whether what stands there visibly ends without a newline."""
        visible = COLOUR_OR_RETURN.sub(b"", self._bytes)
        return bool(visible) and not visible.endswith(b"\n")


class Channel:
    """All that reads one channel's bytes."""

    def __init__(self, judge: Judge) -> None:
        self.diagnostics = DiagnosticReader(judge.see)
        self.progress = ProgressReader()
        self.tail = Tail()

    def feed(self, chunk: bytes) -> None:
        """Hand *chunk* to each reader."""
        self.tail.feed(chunk)
        self.diagnostics.feed(chunk)
        self.progress.feed(chunk)

    def close(self) -> None:
        """The channel has come to its end."""
        self.diagnostics.close()
        self.progress.close()


def run_attempt(
    argv: Sequence[str], *, causes: Sequence[Cause], signals: Signals, clock: Callable[[], float] = time.monotonic
) -> tuple[Attempt, Tail]:
    """Run terraform once, to its end; also the tail of the channel that our own lines go to."""
    judge = Judge(causes)
    channels: dict[int, Channel] = {}

    def watch(descriptor: int) -> Callable[[bytes], object]:
        channels[descriptor] = Channel(judge)
        return channels[descriptor].feed

    started, began_s = time.time(), clock()
    outcome = run_terraform(argv, signals=signals, watch=watch)
    for channel in channels.values():
        channel.close()
    diagnosis = judge.diagnosis()
    attempt = Attempt(
        argv=tuple(argv),
        started=started,
        began_s=began_s,
        ended_s=clock(),
        exit_code=outcome.exit_code,
        signalled=outcome.signalled,
        diagnosis=diagnosis,
        finished=frozenset(change for channel in channels.values() for change in channel.progress.finished),
        polled_s=_polled_s(diagnosis, [channel.progress for channel in channels.values()]),
    )
    # Both streams on one terminal or file share channel 1.
    return attempt, channels[max(channels)].tail if channels else Tail()


def _polled_s(diagnosis: Diagnosis, progress: Sequence[ProgressReader]) -> float:
    met = {finding.address for finding in diagnosis.findings if finding.cause}
    return max((seconds for reader in progress for at, seconds in reader.longest.items() if at in met), default=0.0)

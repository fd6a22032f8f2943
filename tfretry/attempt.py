"""One attempt: terraform runs, its bytes are read on the way, and what it came to is known."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tfretry.causes.judge import Diagnosis, Judge
from tfretry.causes.table import Cause
from tfretry.output.diagnostics import DiagnosticReader
from tfretry.output.progress import Completion, ProgressReader
from tfretry.process.guardian import PrivateDirectory
from tfretry.process.run import run_terraform
from tfretry.process.signals import Signals

COLOUR_OR_RETURN = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|\r")
HEAD_SIZE = 1024
TAIL_SIZE = 256  # bytes: more colour codes than terraform ever writes in a row
VERSION = re.compile(rb'"terraform":"([^"]{1,64})","type":"version"')


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
    finished: frozenset[Completion]
    update_failed: bool
    polled_s: float  # for how long the resource that met a known error was being created
    watched: bool = True  # False: our reading failed on the way, so nothing is known
    left_line_open: bool  # where our own lines go
    version: str | None  # of terraform, which only -json tells

    @property
    def duration_s(self) -> float:
        """How long terraform ran."""
        return self.ended_s - self.began_s

    @property
    def heals(self) -> bool:
        """Whether waiting alone is expected to mend this failure."""
        return self.exit_code == 1 and self.signalled is None and self.watched and self.diagnosis.heals


class Reading:
    """All that reads one channel's bytes."""

    def __init__(self, judge: Judge, *, changes: bool) -> None:
        self.diagnostics = DiagnosticReader(judge.see)
        self.progress = ProgressReader(changes=changes)
        self.head = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Hand *chunk* to each reader."""
        self.head = self.head or chunk[:HEAD_SIZE]
        self._tail = (self._tail + chunk[-TAIL_SIZE:])[-TAIL_SIZE:]
        self.diagnostics.feed(chunk)
        self.progress.feed(chunk)

    def close(self) -> None:
        """The channel has come to its end."""
        self.diagnostics.close()
        self.progress.close()

    @property
    def left_line_open(self) -> bool:
        """Whether what stands there visibly ends without a newline."""
        visible = COLOUR_OR_RETURN.sub(b"", self._tail)
        return bool(visible) and not visible.endswith(b"\n")


def run_attempt(
    argv: Sequence[str],
    *,
    causes: Sequence[Cause],
    signals: Signals,
    changes: bool = True,
    private: PrivateDirectory | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Attempt:
    """Run terraform once, to its end; *private* is the directory of the plan that it applies.

    Without *changes* it is not asked which changes are finished, but for updates.
    """
    judge = Judge(causes)
    readings: dict[int, Reading] = {}

    def watch(descriptor: int) -> Callable[[bytes], object]:
        readings[descriptor] = Reading(judge, changes=changes)
        return readings[descriptor].feed

    started, began_s = time.time(), clock()
    outcome = run_terraform(argv, signals=signals, watch=watch, private=private)
    ended_s = clock()
    for reading in readings.values():
        reading.close()
    diagnosis = judge.diagnosis()
    return Attempt(
        argv=tuple(argv),
        started=started,
        began_s=began_s,
        ended_s=ended_s,
        exit_code=outcome.exit_code,
        signalled=outcome.signalled,
        watched=outcome.watched,
        diagnosis=diagnosis,
        finished=frozenset(change for reading in readings.values() for change in reading.progress.finished),
        update_failed=any(reading.progress.unfinished_updates for reading in readings.values()),
        polled_s=_polled_s(diagnosis, readings.values()),
        # Two streams on one terminal or file share channel 1.
        left_line_open=readings[max(readings)].left_line_open,
        version=_version(readings[1].head),
    )


def _polled_s(diagnosis: Diagnosis, readings: Iterable[Reading]) -> float:
    met = {finding.address for finding in diagnosis.findings if finding.cause}
    waits = (wait for reading in readings for wait in reading.progress.longest.items())
    return max((seconds for address, seconds in waits if address in met), default=0.0)


def _version(head: bytes) -> str | None:
    match = VERSION.search(head)
    return match[1].decode("ascii", "replace") if match else None

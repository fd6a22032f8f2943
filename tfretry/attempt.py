"""One attempt: terraform runs, its bytes are read on the way, and what it came to is known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tfretry.causes.diagnosis import Classifier, Diagnosis
from tfretry.causes.table import Cause
from tfretry.causes.time_limit import time_limit
from tfretry.output.progress import Completion
from tfretry.output.reader import OutputReader
from tfretry.process.run import run_terraform
from tfretry.process.signals import Signals

NOTHING = Diagnosis(errors=0, findings=(), unexplained=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one run of terraform came to; times are seconds."""

    argv: tuple[str, ...]
    started: float  # since the epoch
    began_s: float  # of the monotonic clock, like the end
    ended_s: float
    exit_code: int  # negative: died of that signal
    received_signal: int | None
    diagnosis: Diagnosis
    finished: tuple[Completion, ...]
    destroy_provisioned: frozenset[str]  # addresses where a destroy-time provisioner has begun
    reports_are_text: bool = False  # for people, in which an id with a line break can look like a line of terraform's
    reports_are_cut: bool = False  # by a line of TF_LOG: what came behind it is not known
    begun: bool  # terraform has begun to change something, and has kept what the refresh found
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
    def is_retryable(self) -> bool:
        """Whether waiting alone is expected to mend this failure."""
        return self.exit_code == 1 and self.received_signal is None and self.watched and self.diagnosis.is_transient

    def was_refused(self, *sentences: str) -> bool:
        """Whether terraform refused to begin, with one of *sentences*; after a signal nothing is inferred."""
        ended_by_itself = self.exit_code == 1 and self.received_signal is None
        return ended_by_itself and any(
            sentence in finding.summary for finding in self.diagnosis.findings for sentence in sentences
        )


def run_attempt(
    argv: Sequence[str],
    *,
    causes: Sequence[Cause],
    signals: Signals,
) -> Attempt:
    """Run terraform once, to its end."""
    judge = Classifier(causes, time_limit)
    readings = OutputReader(judge.see)
    started, began_s = time.time(), time.monotonic()
    outcome = run_terraform(argv, signals=signals, feed=readings.feed)
    ended_s = time.monotonic()
    found = _diagnosis(judge, readings)
    diagnosis = found or NOTHING
    return Attempt(
        argv=tuple(argv),
        started=started,
        began_s=began_s,
        ended_s=ended_s,
        exit_code=outcome.exit_code,
        received_signal=outcome.received_signal,
        watched=outcome.watched and found is not None,
        diagnosis=diagnosis,
        finished=tuple(readings.progress.finished),
        destroy_provisioned=frozenset(readings.progress.destroy_provisioned),
        begun=readings.progress.begun,
        update_failed=readings.progress.update_failed,
        reports_are_text=readings.progress.is_text,
        reports_are_cut=readings.progress.is_cut,
        polled_s=readings.longest_s({finding.address for finding in diagnosis.findings if finding.cause}),
        left_line_open=readings.left_line_open(outcome.stderr_channel),
        version=readings.version,
    )


def _diagnosis(judge: Classifier, readings: OutputReader) -> Diagnosis | None:
    """None where we fail to read: as in the pump, that only means that nothing is retried."""
    try:
        readings.close()
        return judge.diagnosis()
    except Exception:  # noqa: BLE001  # terraform has ended, and what it came to stands
        return None

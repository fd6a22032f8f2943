"""Run terraform once, read its output on the way, and return the result as an `Attempt`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tfretry.causes.diagnosis import Classifier, Diagnosis
from tfretry.causes.table import Cause
from tfretry.causes.time_limit import time_limit
from tfretry.output.progress import Progress
from tfretry.output.reader import OutputReader
from tfretry.process.run import run_terraform
from tfretry.process.signals import Signals
from tfretry.terraform import messages
from tfretry.terraform.command import NO_REFRESH

NOTHING = Diagnosis(errors=0, findings=(), unexplained=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The result of one run of terraform; durations in seconds."""

    argv: tuple[str, ...]
    started: float  # since the epoch
    began_s: float  # of the monotonic clock, as the end
    ended_s: float
    exit_code: int  # negative: killed by that signal
    received_signal: int | None  # that we received while terraform ran
    diagnosis: Diagnosis
    progress: Progress
    watched: bool = True  # False: reading the output failed, so nothing is known
    left_line_open: bool  # stderr ends in mid-line: our next line begins with a newline
    version: str | None  # of terraform; only -json prints it

    @property
    def duration_s(self) -> float:
        """How long terraform ran."""
        return self.ended_s - self.began_s

    @property
    def polled_s(self) -> float:
        """How long the resource that met a known error was being created: the provider may wait by itself."""
        return self.progress.longest_s({finding.address for finding in self.diagnosis.findings if finding.cause})

    @property
    def is_retryable(self) -> bool:
        """Whether the failure is known to be transient."""
        return self.exit_code == 1 and self.received_signal is None and self.watched and self.diagnosis.is_transient

    def was_refused(self, *sentences: str) -> bool:
        """Whether terraform refused to begin, with one of *sentences*; after a signal nothing is inferred."""
        ended_by_itself = self.exit_code == 1 and self.received_signal is None
        return ended_by_itself and any(
            sentence in finding.summary for finding in self.diagnosis.findings for sentence in sentences
        )

    def needs_refresh(self, first: Attempt) -> bool:
        """Whether the backend refused to begin because of a `-refresh=false` that the *first* attempt did not have."""
        is_ours = NO_REFRESH in self.argv and NO_REFRESH not in first.argv
        return is_ours and self.was_refused(messages.NO_REFRESH_REFUSED)


def run_attempt(argv: Sequence[str], *, causes: Sequence[Cause], signals: Signals) -> Attempt:
    """Run terraform to its end; only its exit code is sure to be known afterwards."""
    classifier = Classifier(causes, time_limit)
    reader = OutputReader(classifier.see)
    started, began_s = time.time(), time.monotonic()
    ended = run_terraform(argv, signals=signals, feed=reader.feed)
    ended_s = time.monotonic()
    diagnosis = _diagnosis(classifier, reader)
    return Attempt(
        argv=tuple(argv),
        started=started,
        began_s=began_s,
        ended_s=ended_s,
        exit_code=ended.exit_code,
        received_signal=ended.received_signal,
        watched=ended.watched and diagnosis is not None,
        diagnosis=diagnosis or NOTHING,
        progress=reader.progress,
        left_line_open=reader.left_line_open(ended.stderr_channel),
        version=reader.version,
    )


def _diagnosis(classifier: Classifier, reader: OutputReader) -> Diagnosis | None:
    """Return the diagnosis; None if reading the output failed: then nothing is retried."""
    try:
        reader.close()
        return classifier.diagnosis()
    except Exception:  # noqa: BLE001  # our fault must not change terraform's result
        return None

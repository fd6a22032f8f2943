"""The events that tfretry reports, each with its sentence, its level and its type.

The lines on stderr (text and JSON), the countdown, the annotation, the step summary and the record are made from them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from tfretry.report.phrases import duration
from tfretry.report.stderr import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(ABC):
    """One event; its fields are members of its JSON line."""

    type: ClassVar[str]
    level: ClassVar[Literal["info", "warn", "error"]]  # as terraform names them
    annotation: ClassVar[str | None] = None  # the command of GitHub's runner; None: no annotation
    ignores_quiet: ClassVar[bool] = False

    @abstractmethod
    def _sentence(self) -> str: ...

    @property
    def message(self) -> str:
        """The sentence without control characters; it has several lines if it ends with a remedy or a list."""
        return "\n".join(map(printable, self._sentence().split("\n")))

    def members(self) -> dict[str, Any]:
        """Return the members of the JSON line, in their order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying(Event):
    """An attempt has failed, and there is another one after a wait."""

    type = "tfretry_retrying"
    level = "warn"

    address: str | None  # of the first error that a cause explains
    errors: int
    cause: str | None
    sentence: str
    attempt: int
    failed_after_s: float
    notes: tuple[str, ...]
    wait_s: float

    def _sentence(self) -> str:
        return f"{self._reason()} ({self._failure()}); retrying in {duration(self.wait_s)}"

    def countdown(self, left_s: float) -> str:
        """Return the line of the countdown; the most important words come first, since a narrow window cuts the end."""
        return printable(f"retrying in {duration(left_s)} ({self._failure()}: {self._reason()})")

    def members(self) -> dict[str, Any]:
        """Return the members of the JSON line; `notes` only if there are any."""
        return {name: value for name, value in Event.members(self).items() if name != "notes" or value}

    def _reason(self) -> str:
        others = f" and {self.errors - 1} more" if self.errors > 1 else ""
        return f"{self.address}{others}: {self.sentence}" if self.address else self.sentence

    def _failure(self) -> str:
        return f"attempt {self.attempt} failed after {duration(self.failed_after_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A warning before the line of a retry; only text has it as an event of its own."""

    type = "tfretry_note"
    level = "warn"

    text: str

    def _sentence(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOutput(Event):
    """A line that the command of --on-retry has printed; only JSON has it as an event."""

    type = "tfretry_on_retry"
    level = "info"
    ignores_quiet = True

    line: str

    def _sentence(self) -> str:
        return self.line


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Event):
    """A retry has succeeded."""

    type = "tfretry_applied"
    level = "info"
    annotation = "notice"

    attempt: int
    since_first_failure_s: float

    def _sentence(self) -> str:
        return f"applied on attempt {self.attempt}, {duration(self.since_first_failure_s)} after the first failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Event):
    """The run has failed."""

    level = "error"
    annotation: ClassVar[str | None] = "warning"
    ignores_quiet = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp(Failure):
    """The last failure is retryable, but the deadline or the number of attempts is reached."""

    type = "tfretry_gave_up"

    attempts: int
    elapsed_s: float
    exit_code: int
    remedy: str

    def _sentence(self) -> str:
        attempts = f"{self.attempts} attempts" if self.attempts > 1 else "1 attempt"
        end = f"gave up after {attempts} in {duration(self.elapsed_s)}; terraform's exit code was {self.exit_code}."
        return f"{end} {self.remedy}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRetried(Failure):
    """The run ends although it has met a known error: *reason* says why, in a clause."""

    type = "tfretry_not_retried"

    reason: str

    def _sentence(self) -> str:
        return f"not retried: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotContinued(Failure):
    """The rest of a saved plan is not applied, or terraform could not be started again: *details* are sentences."""

    type = "tfretry_not_continued"

    reason: str
    details: tuple[str, ...]

    def _sentence(self) -> str:
        return "\n  ".join([f"not continued: {self.reason}", *self.details])


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted(Failure):
    """A signal has ended the run between two attempts."""

    type = "tfretry_interrupted"
    annotation = None

    signal: str
    meanwhile: str

    def _sentence(self) -> str:
        return f"interrupted by {self.signal} between two attempts; {self.meanwhile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotWritten(Event):
    """The file of --report could not be written."""

    type = "tfretry_report_not_written"
    level = "warn"
    ignores_quiet = True

    path: str
    reason: str

    def _sentence(self) -> str:
        return f"the report could not be written to {self.path}: {self.reason}"

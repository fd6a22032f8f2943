"""Whether every error of a run is one that heals by waiting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfretry.patience import OutOfPatienceError, patient_search
from tfretry.shapes import UNREADABLE, holds_output
from tfretry.table import NEVER, TABLE, Cause, custom_cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tfretry.shapes import Diagnostic

__all__ = ["TABLE", "Cause", "Diagnosis", "Finding", "Judge", "cause_of", "custom_cause"]

FINDINGS_KEPT = 20
SUMMARY_KEPT = 500

# The configuration's author wrote what follows these; AWS did not.
AUTHORED = (
    "Resource precondition failed",
    "Resource postcondition failed",
    "Module output value precondition failed",
    "Invalid value for variable",
    "Invalid value for input variable",
    "Check block assertion failed",
    "Test assertion failed",
)
LOCAL_EXEC = re.compile(r"^local-exec provisioner error\b|Error running command '")
# Only terraform's own words end the command, which may quote anything: the last such place is the true one, or lies
# within the output itself.
OUTPUT = re.compile(r"': (?:exit status -?\d+|signal: [\w ]{1,40}?(?: \(core dumped\))?)\. Output:(?: |$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is kept of one error: where it was, its first SUMMARY_KEPT characters, and the cause that explains it."""

    address: str | None
    summary: str
    cause: Cause | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The errors of one run: how many, the first FINDINGS_KEPT of them, and the first that no cause explains."""

    errors: int
    findings: tuple[Finding, ...]
    obstacle: Finding | None

    @property
    def heals(self) -> bool:
        """Whether there was an error, and waiting heals every one."""
        return self.errors > 0 and self.obstacle is None

    @property
    def healing(self) -> Finding | None:
        """The first error that waiting heals."""
        return next((finding for finding in self.findings if finding.cause), None)


class Judge:
    """Comes to a diagnosis, one diagnostic at a time, in bounded memory; both streams of a run share one."""

    def __init__(self, causes: Iterable[Cause]) -> None:
        self._causes = tuple(causes)
        self._errors = 0
        self._findings: list[Finding] = []
        self._obstacle: Finding | None = None

    def see(self, diagnostic: Diagnostic) -> None:
        """Take one error into account."""
        self._errors += 1
        full = len(self._findings) >= FINDINGS_KEPT
        if full and self._obstacle:
            return
        finding = Finding(
            address=diagnostic.address,
            summary=diagnostic.summary[:SUMMARY_KEPT],
            cause=self._cause_of(diagnostic),
        )
        if not full:
            self._findings.append(finding)
        if finding.cause is None and self._obstacle is None:
            self._obstacle = finding

    def diagnosis(self) -> Diagnosis:
        """What has been seen so far."""
        return Diagnosis(errors=self._errors, findings=tuple(self._findings), obstacle=self._obstacle)

    def _cause_of(self, diagnostic: Diagnostic) -> Cause | None:
        try:
            return _cause_of(diagnostic, self._causes)
        except OutOfPatienceError:
            # Once is enough: a run may print thousands of errors, and its output waits while we think.
            self._causes = tuple(cause for cause in self._causes if not cause.custom)
            return None


def cause_of(diagnostic: Diagnostic, causes: Sequence[Cause]) -> Cause | None:
    """The first of *causes* that explains *diagnostic*; None when there is none, or any doubt."""
    try:
        return _cause_of(diagnostic, causes)
    except OutOfPatienceError:
        return None


def _cause_of(diagnostic: Diagnostic, causes: Sequence[Cause]) -> Cause | None:
    text = _evidence(diagnostic)
    if not text or any(never.search(text) or never.search(diagnostic.heading) for never in NEVER):
        return None
    return next((cause for cause in causes if _matches(cause, text)), None)


def _matches(cause: Cause, text: str) -> bool:
    if cause.custom:
        return any(patient_search(pattern, text) for pattern in cause.patterns)
    return any(pattern.search(text) for pattern in cause.patterns)


def _evidence(diagnostic: Diagnostic) -> str:
    """The part of the text that neither the configuration's author nor a quoted command can have written."""
    if diagnostic is UNREADABLE or (diagnostic.heading or diagnostic.summary).startswith(AUTHORED):
        return ""
    text = f"{diagnostic.summary} {diagnostic.detail}".strip()
    markers = list(OUTPUT.finditer(text))
    quoted = LOCAL_EXEC.search(text)
    if not markers and not quoted:
        return text
    if not markers or not quoted or diagnostic.truncated or quoted.start() > markers[0].start():
        return ""
    output = text[markers[-1].end() :]
    return "" if holds_output([output]) else output

"""Whether every error of a run is one that heals by waiting."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tfretry.causes.patience import SEEN, OutOfPatienceError, patience
from tfretry.causes.table import NEVER, Cause
from tfretry.output.shapes import holds_output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tfretry.output.shapes import Diagnostic

FINDINGS_KEPT = 20
SUMMARY_KEPT = 500
UNDECIDED_KEPT = 1000  # errors that only a user's pattern could explain; one more is unexplained

POSTCONDITION = "Resource postcondition failed"
# The configuration's author wrote what follows these; AWS did not.
AUTHORED = (
    "Resource precondition failed",
    POSTCONDITION,
    "Module output value precondition failed",
    "Invalid value for variable",
    "Invalid value for input variable",
    "Check block assertion failed",
    "Test assertion failed",
    "Invalid function argument",
    "Error in function call",
    "Duplicate object key",
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
    postcondition_failed: bool = False

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
        causes = tuple(causes)
        self._known = [cause for cause in causes if not cause.custom]
        self._custom = [cause for cause in causes if cause.custom]
        self._errors = 0
        self._postcondition_failed = False
        self._findings: dict[int, Finding] = {}
        self._obstacle: tuple[int, Finding] | None = None
        self._undecided: dict[int, tuple[Finding, str]] = {}

    def see(self, diagnostic: Diagnostic) -> None:
        """Take one error into account."""
        self._errors += 1
        self._postcondition_failed = self._postcondition_failed or diagnostic.summary.startswith(POSTCONDITION)
        if len(self._findings) >= FINDINGS_KEPT and self._obstacle:
            return
        text = _healing_text(diagnostic)
        cause = _first(self._known, text)
        finding = Finding(address=diagnostic.address, summary=diagnostic.summary[:SUMMARY_KEPT], cause=cause)
        if len(self._findings) < FINDINGS_KEPT:
            self._findings[self._errors] = finding
        if cause is None and text and self._custom and len(self._undecided) < UNDECIDED_KEPT:
            self._undecided[self._errors] = finding, text[:SEEN]
        elif cause is None and self._obstacle is None:
            self._obstacle = self._errors, finding

    def diagnosis(self) -> Diagnosis:
        """What has been seen so far.

        A user's patterns are tried only here: they may take long, and nobody waits for terraform's output now.
        """
        decided = self._decided()
        obstacles = [(number, finding) for number, finding in decided.items() if finding.cause is None]
        first = min([*obstacles, *([self._obstacle] if self._obstacle else [])], key=lambda each: each[0], default=None)
        findings = tuple(decided.get(number, finding) for number, finding in self._findings.items())
        return Diagnosis(
            errors=self._errors,
            findings=findings,
            obstacle=first[1] if first else None,
            postcondition_failed=self._postcondition_failed,
        )

    def _decided(self) -> dict[int, Finding]:
        decided = {number: finding for number, (finding, _) in self._undecided.items()}
        # One patience for them all: there may be a thousand errors, and several patterns.
        with suppress(OutOfPatienceError), patience():
            for number, (finding, text) in self._undecided.items():
                decided[number] = replace(finding, cause=_first(self._custom, text))
        return decided


def _first(causes: Iterable[Cause], text: str) -> Cause | None:
    return next((each for each in causes if any(pattern.search(text) for pattern in each.patterns)), None)


def _healing_text(diagnostic: Diagnostic) -> str:
    text = _evidence(diagnostic)
    return "" if any(never.search(text) or never.search(diagnostic.heading) for never in NEVER) else text


def _evidence(diagnostic: Diagnostic) -> str:
    """The part of the text that neither the configuration's author nor a quoted command can have written."""
    # What would have told that it is permanent, or another leaf of its group, may be what was cut away.
    if diagnostic.truncated or (diagnostic.heading or diagnostic.summary).startswith(AUTHORED):
        return ""
    text = f"{diagnostic.summary} {diagnostic.detail}".strip()
    markers = list(OUTPUT.finditer(text))
    quoted = LOCAL_EXEC.search(text)
    if not markers and not quoted:
        return text
    if not markers or not quoted or diagnostic.torn or quoted.start() > markers[0].start():
        return ""
    output = text[markers[-1].end() :]
    return "" if holds_output([output]) else output

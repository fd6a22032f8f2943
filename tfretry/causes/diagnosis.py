"""Whether every error of a run is one that heals by waiting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from tfretry.causes.table import NEVER, NEVER_AT_ALL, Cause
from tfretry.output import local_exec
from tfretry.output.diagnostic import Diagnostic, holds_another

FINDINGS_KEPT = 20
SUMMARY_KEPT = 500
# What a user's pattern sees of an error, in characters: one of cubic cost would take hours on more.
SEEN = 4096
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
# What no provider's error says, but terraform beside it: what TF_LOG prints (hclog's form, and that of 0.11 to 0.14),
# what TF_LOG=JSON prints, its progress and its plans. Within what a command printed it is the command's.
LEVEL = r"\[(?:TRACE|DEBUG|INFO|WARN|ERROR)\]"
OTHERS = re.compile(
    rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}\S* {LEVEL}|\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d {LEVEL}"
    r'|\{"@level"'
    r"| \((?:local|remote)-exec\): |: Still \w{1,40}\.\.\. [\[(]|: Refreshing state\.\.\. |: Provisioning with '"
    r"|: (?:Creat|Modify|Destroy|Read)ing\.\.\.|: (?:Creation|Modifications|Destruction|Read) complete after "
    r"|Terraform will perform the following actions|Changes to Outputs: |Plan: \d{1,9} to "
    r"|Apply complete! Resources: |Do you want to perform these actions"
)
# What OpenTofu's -consolidate-errors says at the end of an error that it has printed for several: they share the
# summary, not the detail (OpenTofu's internal/tfdiags/consolidate.go).
SIMILAR = re.compile(r"\((?:and one more similar error|and \d+ more similar errors) elsewhere\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is kept of one error: where it was, its first SUMMARY_KEPT characters, and the cause that explains it.

    *hides_others*: OpenTofu's `-consolidate-errors` has printed it for several.
    """

    address: str | None
    summary: str
    cause: Cause | None
    hides_others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The errors of one run: how many, the first FINDINGS_KEPT of them, and the first that no cause explains.

    *met_cause* says that a cause was met: it explains an error, or a part of one.
    """

    errors: int
    findings: tuple[Finding, ...]
    unexplained: Finding | None
    postcondition_failed: bool = False
    met_cause: bool = False

    @property
    def is_transient(self) -> bool:
        """Whether there was an error, and waiting heals every one."""
        return self.errors > 0 and self.unexplained is None

    @property
    def first_match(self) -> Finding | None:
        """The first error that waiting heals."""
        return next((finding for finding in self.findings if finding.cause), None)


class Classifier:
    """Comes to a diagnosis, one diagnostic at a time, in bounded memory; both streams of a run share one.

    Users' patterns are tried in *bounded*, which ends what takes too long.
    """

    def __init__(self, causes: Iterable[Cause], bounded: Callable[[], AbstractContextManager[object]]) -> None:
        causes = tuple(causes)
        self._known = [cause for cause in causes if not cause.custom]
        self._custom = [cause for cause in causes if cause.custom]
        self._bounded = bounded
        self._seen = 0
        self._errors = 0
        self._postcondition_failed = False
        self._met_cause = False
        self._findings: dict[int, Finding] = {}
        self._obstacle: tuple[int, Finding] | None = None
        self._undecided: dict[int, tuple[Finding, str]] = {}

    def see(self, diagnostic: Diagnostic) -> None:
        """Take one error into account, or what can be read as one."""
        self._postcondition_failed = self._postcondition_failed or diagnostic.summary.startswith(POSTCONDITION)
        self._seen += 1
        self._errors += diagnostic.counted
        if len(self._findings) >= FINDINGS_KEPT and self._obstacle:
            return
        finding = self._find(diagnostic)
        if diagnostic.counted and len(self._findings) < FINDINGS_KEPT:
            self._findings[self._seen] = finding
        if finding.cause:
            return
        text = _seen_by_users(diagnostic) if self._custom and len(self._undecided) < UNDECIDED_KEPT else ""
        if text:
            self._undecided[self._seen] = finding, text
        elif self._obstacle is None:
            self._obstacle = self._seen, finding

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
            unexplained=first[1] if first else None,
            met_cause=self._met_cause or any(finding.cause for finding in decided.values()),
            postcondition_failed=self._postcondition_failed,
        )

    def _find(self, diagnostic: Diagnostic) -> Finding:
        hides_others = SIMILAR.search(diagnostic.text) is not None
        cause = self._known_cause(_summary_of(diagnostic) if hides_others else diagnostic)
        self._met_cause = self._met_cause or (cause or self._known_cause(diagnostic)) is not None
        summary = diagnostic.summary[:SUMMARY_KEPT]
        return Finding(address=diagnostic.address, summary=summary, cause=cause, hides_others=hides_others)

    def _known_cause(self, diagnostic: Diagnostic) -> Cause | None:
        # The configuration's author wrote this one, not AWS.
        if (diagnostic.heading or diagnostic.summary).startswith(AUTHORED):
            return None
        text, aside = _own_and_aside(diagnostic, local_exec.evidence)
        cause = _first(self._known, text)
        everything = f"{diagnostic.heading} {text} {aside}"
        for each in self._known:
            everything = each.spared.sub(" ", everything) if each.spared else everything
        return None if any(never.search(everything) for never in (*NEVER, *NEVER_AT_ALL)) else cause

    def _decided(self) -> dict[int, Finding]:
        decided = {number: finding for number, (finding, _) in self._undecided.items()}
        # One bound for them all: there may be a thousand errors, and several patterns.
        with self._bounded():
            for number, (finding, text) in self._undecided.items():
                decided[number] = replace(finding, cause=_first(self._custom, text))
        return decided


def _first(causes: Iterable[Cause], text: str) -> Cause | None:
    return next((each for each in causes if any(pattern.search(text) for pattern in each.patterns)), None)


def _summary_of(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, detail="", aside=f"{diagnostic.detail} {diagnostic.aside}")


def _seen_by_users(diagnostic: Diagnostic) -> str:
    """What users' patterns see: the error as the user does, but for a quoted command; empty where none may match."""
    if any(never.search(f"{diagnostic.heading} {diagnostic.text}") for never in NEVER_AT_ALL):
        return ""
    told = _summary_of(diagnostic) if SIMILAR.search(diagnostic.text) else diagnostic
    text, _ = _own_and_aside(told, local_exec.without_command)
    return f"Error: {text}"[:SEEN] if text else ""


def _own_and_aside(diagnostic: Diagnostic, no_command: Callable[..., str]) -> tuple[str, str]:
    """The text that is certainly the error's, less its command, and what may or may not belong to it.

    Both are empty where what tells that it is permanent, or another leaf of its group, may have been cut away.
    """
    text = diagnostic.text
    if diagnostic.truncated or holds_another(f"{text} {diagnostic.aside}"):
        return "", ""
    own = no_command(text, torn=diagnostic.torn)
    others = None if local_exec.quotes_command(text) else OTHERS.search(own)
    if others is None:
        return own, diagnostic.aside
    return own[: others.start()].strip(), f"{own[others.start() :]} {diagnostic.aside}"

"""Decide whether every error of a run is transient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from tfretry.causes.table import NEVER, NEVER_AT_ALL, Cause
from tfretry.output.diagnostic import Diagnostic, holds_another
from tfretry.output.local_exec import provable_text, quotes_command, without_command
from tfretry.terraform import messages

FINDINGS_KEPT = 20
SUMMARY_KEPT = 500
# Characters of an error that users' patterns are searched in: on more, a pattern of cubic cost would take hours.
SEARCHED = 4096
# Errors kept for users' patterns, which are tried at the end; one more is unexplained.
UNDECIDED_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One error: its address, the first SUMMARY_KEPT characters of its summary, and the cause that explains it.

    *hides_others*: OpenTofu's `-consolidate-errors` printed it for several errors.
    """

    address: str | None
    summary: str
    cause: Cause | None
    hides_others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The errors of one run: their number, the first FINDINGS_KEPT, and the first that no cause explains.

    *met_cause*: a cause explains one of the errors, or a part of one.
    """

    errors: int
    findings: tuple[Finding, ...]
    unexplained: Finding | None
    postcondition_failed: bool = False
    met_cause: bool = False

    @property
    def is_transient(self) -> bool:
        """Whether there were errors, and a cause explains each."""
        return self.errors > 0 and self.unexplained is None

    @property
    def first_match(self) -> Finding | None:
        """The first error that a cause explains."""
        return next((finding for finding in self.findings if finding.cause), None)


class Classifier:
    """Classify the errors of a run, one at a time, in bounded memory; all channels of the run share one.

    Users' patterns are searched within *limited*, which limits the time that they take.
    """

    def __init__(self, causes: Iterable[Cause], limited: Callable[[], AbstractContextManager[object]]) -> None:
        causes = tuple(causes)
        self._built_in = [cause for cause in causes if not cause.custom]
        self._custom = [cause for cause in causes if cause.custom]
        self._limited = limited
        self._seen = 0
        self._errors = 0
        self._postcondition_failed = False
        self._met_cause = False
        self._findings: dict[int, Finding] = {}
        self._unexplained: tuple[int, Finding] | None = None
        self._undecided: dict[int, tuple[Finding, str, str]] = {}  # with the text, and that of the summary alone
        self._hides_others = False  # one of the errors does; where its text ends is not always known
        self._matched_by_detail: tuple[int, Finding] | None = None

    def see(self, diagnostic: Diagnostic) -> None:
        """Classify one more error, or a part of one that can be read as an error."""
        self._postcondition_failed = self._postcondition_failed or diagnostic.summary.startswith(messages.POSTCONDITION)
        self._seen += 1
        self._errors += diagnostic.counted
        if len(self._findings) >= FINDINGS_KEPT and self._unexplained:
            return
        text = f"{diagnostic.heading} {diagnostic.text} {diagnostic.aside}"
        self._hides_others = self._hides_others or messages.SIMILAR_ERRORS.search(text) is not None
        finding = self._find(diagnostic)
        if diagnostic.counted and len(self._findings) < FINDINGS_KEPT:
            self._findings[self._seen] = finding
        if finding.cause:
            if self._matched_by_detail is None and self._built_in_cause(_summary_of(diagnostic)) is None:
                self._matched_by_detail = self._seen, replace(finding, cause=None, hides_others=True)
            return
        shown = _text_for_users(diagnostic) if self._custom and len(self._undecided) < UNDECIDED_KEPT else ""
        if shown:
            self._undecided[self._seen] = finding, shown, _text_for_users(_summary_of(diagnostic))
        elif self._unexplained is None:
            self._unexplained = self._seen, finding

    def diagnosis(self) -> Diagnosis:
        """Return the diagnosis of all errors so far.

        Users' patterns are searched only here: they may take long, and terraform's output no longer waits for us.
        """
        decided = self._decided()
        unexplained = [(number, finding) for number, finding in decided.items() if finding.cause is None]
        unexplained += [self._unexplained] if self._unexplained else []
        unexplained += [self._matched_by_detail] if self._matched_by_detail and self._hides_others else []
        first = min(unexplained, key=lambda each: each[0], default=None)
        return Diagnosis(
            errors=self._errors,
            findings=tuple(decided.get(number, finding) for number, finding in self._findings.items()),
            unexplained=first[1] if first else None,
            met_cause=self._met_cause or any(finding.cause for finding in decided.values()),
            postcondition_failed=self._postcondition_failed,
        )

    def _find(self, diagnostic: Diagnostic) -> Finding:
        cause = self._built_in_cause(diagnostic)
        self._met_cause = self._met_cause or cause is not None
        return Finding(address=diagnostic.address, summary=diagnostic.summary[:SUMMARY_KEPT], cause=cause)

    def _built_in_cause(self, diagnostic: Diagnostic) -> Cause | None:
        if (diagnostic.heading or diagnostic.summary).startswith(messages.AUTHORED):
            return None
        text, aside = _own_text(diagnostic, provable_text)
        cause = _first(self._built_in, text)
        everything = f"{diagnostic.heading} {text} {aside}"
        for each in self._built_in:
            everything = each.spared.sub(" ", everything) if each.spared else everything
        return None if any(never.search(everything) for never in (*NEVER, *NEVER_AT_ALL)) else cause

    def _decided(self) -> dict[int, Finding]:
        decided = {number: finding for number, (finding, _, _) in self._undecided.items()}
        # One time limit for all: there may be a thousand errors, and several patterns.
        with self._limited():
            for number, (finding, text, shared) in self._undecided.items():
                cause = _first(self._custom, shared if self._hides_others else text)
                decided[number] = replace(finding, cause=cause, hides_others=self._hides_others and cause is None)
        return decided


def _first(causes: Iterable[Cause], text: str) -> Cause | None:
    return next((each for each in causes if any(pattern.search(text) for pattern in each.patterns)), None)


def _summary_of(diagnostic: Diagnostic) -> Diagnostic:
    """Return *diagnostic* as if its summary, which hidden errors share, were its text; the rest moves to *aside*."""
    aside = f"{diagnostic.summary if diagnostic.heading else ''} {diagnostic.detail} {diagnostic.aside}"
    return replace(diagnostic, summary=diagnostic.heading or diagnostic.summary, detail="", aside=aside, heading="")


def _text_for_users(diagnostic: Diagnostic) -> str:
    """Return the text for users' patterns: the error as terraform shows it, without a quoted command.

    It is empty where no pattern may match.
    """
    if any(never.search(f"{diagnostic.heading} {diagnostic.text}") for never in NEVER_AT_ALL):
        return ""
    text, _ = _own_text(diagnostic, without_command)
    return f"{messages.ERROR} {text}"[:SEARCHED] if text else ""


def _own_text(diagnostic: Diagnostic, remove_command: Callable[..., str]) -> tuple[str, str]:
    """Return the text that certainly belongs to the error, without its command, and the text that may belong to it.

    Both are empty where text may be missing that tells a permanent error, or another error of the group.
    """
    text = diagnostic.text
    if diagnostic.truncated or holds_another(f"{diagnostic.heading} {text} {diagnostic.aside}"):
        return "", ""
    own = remove_command(text, torn=diagnostic.torn)
    # In the output of a command, anything belongs to the command.
    beside = None if quotes_command(text) else messages.BESIDE_ERRORS.search(own)
    if beside is None:
        return own, diagnostic.aside
    return own[: beside.start()].strip(), f"{own[beside.start() :]} {diagnostic.aside}"

"""Phrases for the sentences of events: durations, and what is to be said about errors."""

from __future__ import annotations

from tfretry.causes.diagnosis import Diagnosis, Finding
from tfretry.terraform import messages

UNREAD = "tfretry failed to read what terraform printed; please report it"


def duration(seconds: float) -> str:
    """Return *seconds* in the units that matter: 0.4s, 6s, 5m12s, 1h3m."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    if minutes:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    return f"{rest}s"


def remedy(diagnosis: Diagnosis) -> str:
    """Return what to do if waiting does not help; empty if the causes do not say."""
    causes = [finding.cause for finding in diagnosis.findings if finding.cause]
    return next((cause.remedy for cause in causes if cause.remedy), "")


def long_poll(polled_s: float, diagnosis: Diagnosis) -> str:
    """Return the warning about a provider that has waited for the role by itself."""
    return (
        f"the provider itself waited {duration(polled_s)}: the role may be missing rather than new. {remedy(diagnosis)}"
    )


def why_not_retried(unexplained: Finding, *, is_retry: bool) -> str:
    """Return a clause that names the error that no cause explains, and the option that helps if there is one."""
    if messages.ASKING_FOR_APPROVAL in unexplained.summary and "EOF" in unexplained.summary:
        return (
            "terraform asked for approval again and stdin was at its end; a retry needs -auto-approve or a saved plan"
        )
    address = unexplained.address or "terraform"
    if unexplained.hides_others:
        hidden = "-consolidate-errors hides errors that have the same summary, and perhaps another reason"
        return f"{hidden} ({address}: {unexplained.summary})"
    reason = f"{address} failed for another reason ({unexplained.summary})"
    if messages.STATE_LOCKED in unexplained.summary and is_retry:
        return f"{reason}; with -lock-timeout=DURATION terraform waits for the lock"
    return reason

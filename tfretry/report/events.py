"""Events as sentences for people: pure functions from facts to text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfretry.causes.diagnosis import Diagnosis

Facts = Mapping[str, Any]
RED, GREEN, YELLOW = 31, 32, 33

# Terminals act on these, and what terraform quotes may hold them.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def duration(seconds: float) -> str:
    """*seconds* as people say them: 0.4s, 6s, 5m12s, 1h3m."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    if minutes:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    return f"{rest}s"


def who(diagnosis: Diagnosis) -> str | None:
    """The resource that met a known error, and how many others did."""
    met = [finding for finding in diagnosis.findings if finding.cause]
    if not met or met[0].address is None:
        return None
    others = diagnosis.errors - 1
    return f"{met[0].address} and {others} more" if others else met[0].address


def _retrying(facts: Facts) -> str:
    address = f"{facts['address']}: " if facts["address"] else ""
    failed = f"attempt {facts['attempt']} failed after {duration(facts['failed_after_s'])}"
    return f"{address}{facts['sentence']} ({failed}); retrying in {duration(facts['wait_s'])}"


def counting(facts: Facts) -> str:
    """The line of the countdown: what matters most comes first, since a narrow window cuts the end."""
    failed = f"attempt {facts['attempt']} failed after {duration(facts['failed_after_s'])}"
    address = f"{facts['address']}: " if facts["address"] else ""
    return CONTROL.sub(" ", f"retrying in {duration(facts['wait_s'])} ({failed}: {address}{facts['sentence']})")


def _applied(facts: Facts) -> str:
    return f"applied on attempt {facts['attempt']}, {duration(facts['since_first_failure_s'])} after the first failure"


def _gave_up(facts: Facts) -> str:
    attempts = f"{facts['attempts']} attempts" if facts["attempts"] > 1 else "1 attempt"
    spent = f"gave up after {attempts} in {duration(facts['elapsed_s'])}"
    return f"{spent}; terraform's exit code was {facts['exit_code']}. {facts['remedy']}".rstrip()


def _polled(facts: Facts) -> str:
    waited = f"the provider itself waited {duration(facts['polled_s'])}"
    return f"{waited}: the role may be missing rather than new. {facts['remedy']}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that we say: its sentence, its colour (ECMA-48), and how CI systems are told, if they are."""

    render: Callable[[Facts], str]
    colour: int
    failure: bool = False
    level: str | None = None  # GitHub's name
    message_type: str = ""  # of the JSON line

    @property
    def log_level(self) -> str:
        """The level of the JSON line, as terraform calls it."""
        return {RED: "error", YELLOW: "warn", GREEN: "info"}[self.colour]


EVENTS = {
    "retrying": Event(render=_retrying, colour=YELLOW, message_type="tfretry_retrying"),
    # In JSON these two are told with the retry.
    "warning": Event(render=lambda facts: facts["text"], colour=YELLOW),
    "the provider waited": Event(render=_polled, colour=YELLOW),
    "on retry": Event(render=lambda facts: facts["line"], colour=GREEN, message_type="tfretry_on_retry"),
    "applied": Event(render=_applied, colour=GREEN, level="notice", message_type="tfretry_applied"),
    "gave up": Event(render=_gave_up, colour=RED, failure=True, level="warning", message_type="tfretry_gave_up"),
    "not retried": Event(
        render=lambda facts: f"not retried: {facts['reason']}",
        colour=RED,
        failure=True,
        level="warning",
        message_type="tfretry_not_retried",
    ),
    "refused": Event(
        render=lambda facts: "\n  ".join([f"not continued: {facts['reason']}", *facts["details"]]),
        colour=RED,
        failure=True,
        level="warning",
        message_type="tfretry_not_continued",
    ),
    "interrupted": Event(
        render=lambda facts: f"interrupted by {facts['signal']} between two attempts; {facts['meanwhile']}",
        colour=RED,
        failure=True,
        message_type="tfretry_interrupted",
    ),
    "report not written": Event(
        render=lambda facts: f"the report could not be written to {facts['path']}: {facts['reason']}",
        colour=YELLOW,
        failure=True,
        message_type="tfretry_report_not_written",
    ),
}


def sentence(event: str, facts: Facts) -> str:
    """The text of *event*: one line, but where the remedy or a list of resources belongs to it."""
    return "\n".join(CONTROL.sub(" ", line) for line in EVENTS[event].render(facts).split("\n"))

"""Events as sentences for people: pure functions from facts to text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tfretry.causes import Diagnosis, Finding

Facts = Mapping[str, Any]

# Terminals act on these, and what terraform quotes may hold them.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

REMEDY = """\
If the role is missing, create it once: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com
or with terraform; the import block is for a role that exists already, since it cannot be created twice:
    resource "aws_iam_service_linked_role" "ecs" {
      aws_service_name = "ecs.amazonaws.com"
    }
    import {
      to = aws_iam_service_linked_role.ecs
      id = "arn:aws:iam::ACCOUNT_ID:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    }"""


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


def in_the_way(obstacle: Finding) -> str:
    """The clause that names the error which no waiting heals."""
    if "asking for approval" in obstacle.summary and "EOF" in obstacle.summary:
        return (
            "terraform asked for approval again and stdin was at its end; a retry needs -auto-approve or a saved plan"
        )
    return f"{obstacle.address or 'terraform'} failed for another reason ({obstacle.summary})"


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


FAILURES = frozenset({"gave up", "not retried", "refused", "report not written"})
SENTENCES: dict[str, Callable[[Facts], str]] = {
    "retrying": _retrying,
    "applied": _applied,
    "gave up": _gave_up,
    "the provider waited": _polled,
    "not retried": lambda facts: f"not retried: {facts['reason']}",
    "refused": lambda facts: "\n  ".join([f"not continued: {facts['reason']}", *facts["details"]]),
    "interrupted": lambda facts: f"interrupted by {facts['signal']} while waiting to retry; nothing was running",
    "report not written": lambda facts: f"the report could not be written to {facts['path']}: {facts['reason']}",
}


def sentence(event: str, facts: Facts) -> str:
    """The text of *event*: one line, but where the remedy or a list of resources belongs to it."""
    return "\n".join(CONTROL.sub(" ", line) for line in SENTENCES[event](facts).split("\n"))

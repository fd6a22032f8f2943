"""Events: the sentence, the level, the type and the members of each."""

from __future__ import annotations

import pytest

from tfretry.report import events
from tfretry.report.renderers import as_terraform_message

RETRYING = events.Retrying(
    address="a.b",
    errors=1,
    cause="x",
    sentence="it is not ready",
    attempt=2,
    failed_after_s=12.3,
    notes=(),
    wait_s=6.0,
)


@pytest.mark.parametrize(
    ("event", "name", "level", "message"),
    [
        (RETRYING, "retrying", "warn", "a.b: it is not ready (attempt 2 failed after 12s); retrying in 6s"),
        (events.HookOutput(line="one"), "on_retry", "info", "one"),
        (
            events.Applied(attempt=3, since_first_failure_s=41.2),
            "applied",
            "info",
            "applied on attempt 3, 41s after the first failure",
        ),
        (
            events.GaveUp(attempts=1, elapsed_s=60.0, exit_code=1, remedy=""),
            "gave_up",
            "error",
            "gave up after 1 attempt in 1m; terraform's exit code was 1.",
        ),
        (events.NotRetried(reason="a reason"), "not_retried", "error", "not retried: a reason"),
        (
            events.NotContinued(reason="a reason", details=("One.", "Two.")),
            "not_continued",
            "error",
            "not continued: a reason\n  One.\n  Two.",
        ),
        (
            events.Interrupted(signal="SIGINT", meanwhile="nothing was running"),
            "interrupted",
            "error",
            "interrupted by SIGINT between two attempts; nothing was running",
        ),
        (
            events.ReportNotWritten(path="x\x1b[0m", reason="no space"),
            "report_not_written",
            "warn",
            "the report could not be written to x [0m: no space",
        ),
    ],
)
def test_each_event_has_its_sentence_level_and_type(event, name, level, message):
    """Without control characters."""
    assert (event.type, event.level, event.message) == (f"tfretry_{name}", level, message)


def test_the_members_of_a_retry_are_those_of_its_json_line():
    """In this order; `notes` are a member only if there are any."""
    assert list(RETRYING.members()) == ["address", "errors", "cause", "sentence", "attempt", "failed_after_s", "wait_s"]
    noted = events.Retrying(**{**RETRYING.members(), "notes": ("a warning",)})
    assert noted.members()["notes"] == ("a warning",)


def test_a_json_line_can_be_encoded_whatever_its_members_hold():
    """A path may have bytes that are not UTF-8."""
    event = events.NotContinued(reason="\udcff", details=("a", "b\udcff"))
    body = as_terraform_message(None, "msg", {"event": event})
    assert (body["reason"], body["details"]) == ("?", ["a", "b?"])


def test_the_countdown_begins_with_what_must_not_be_cut_off():
    """A narrow window shows the beginning only."""
    assert RETRYING.countdown(3) == "retrying in 3s (attempt 2 failed after 12s: a.b: it is not ready)"

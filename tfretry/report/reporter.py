"""What we say on stderr, through structlog: sentences for people or JSON lines for machines."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from tfretry.attempt import Attempt
from tfretry.config.settings import Settings
from tfretry.report.ci import annotation, append_summary
from tfretry.report.countdown import count_down
from tfretry.report.events import EVENTS, counting, sentence, who
from tfretry.report.hook_output import Lines, Unchanged
from tfretry.report.renderers import JSON, PREFIX, text_renderer, wants_colour
from tfretry.report.stderr import write_stderr
from tfretry.result import Result

LONG_POLL_S = 110.0  # terraform tells its progress every 10 s: this is the last line before two minutes
LONG_ENOUGH_S = 1.0  # to be counted down
# Set where nobody sits before the terminal, if there is one: what is rewritten there stays in a log.
IN_AUTOMATION = (
    "BUILDKITE",
    "CI",
    "CODEBUILD_BUILD_ID",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TF_IN_AUTOMATION",
)


class Stderr:
    """The logger under structlog: whole lines that begin on a line of their own."""

    def __init__(self) -> None:
        self.is_mid_line = False

    def write(self, text: str) -> None:
        """Write *text* in one write, after ending the line that terraform left open."""
        write_stderr(("\n" * self.is_mid_line + text).encode("utf-8", "replace"))
        self.is_mid_line = False

    def msg(self, line: str) -> None:
        """Write *line* and a newline, in one write."""
        self.write(f"{line}\n")

    info = warning = msg


class Reporter:
    """Tells people or machines what happens to the run; silent about a first attempt that applies."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, as_json: bool) -> None:
        self._stderr = Stderr()
        self._environ = environ
        self._quiet = settings.quiet
        self._as_json = as_json
        self._has_countdown = not self._as_json and not self._quiet and can_rewrite_lines(environ)
        self._has_told_remedy = False
        self._has_warned: set[str] = set()
        self._last: Attempt | None = None
        processors = JSON if as_json else [text_renderer(colour=wants_colour(environ))]
        self._log = structlog.wrap_logger(self._stderr, processors=processors, wrapper_class=structlog.BoundLogger)

    def say(self, event: str, **facts: Any) -> None:
        """Say *event*, one of the keys of sentences.EVENTS."""
        if EVENTS[event].failure:
            self._log.warning(event, **facts)
        elif not self._quiet:
            self._log.info(event, **facts)

    def wait(
        self,
        attempts: Sequence[Attempt],
        wait_s: float,
        sleep: Callable[[float], int | None],
        *,
        warnings: Sequence[str] = (),
    ) -> int | None:
        """Say that the last attempt is retried, and wait; returns early with the number of a stop signal.

        Each of *warnings* is said once in a run.
        """
        last, facts = attempts[-1], _retry_facts(attempts)
        self._begin_after(last)
        notes = [*(("warning", {"text": text}) for text in self._fresh(warnings)), *self._long_poll(last)]
        if self._as_json:  # a retry is one message
            facts |= {"notes": [sentence(event, told) for event, told in notes]} if notes else {}
        else:
            for event, told in notes:
                self.say(event, **told)
        if not self._has_countdown or wait_s < LONG_ENOUGH_S:
            self.say("retrying", **facts, wait_s=round(wait_s, 3))
            return sleep(wait_s)
        return count_down(
            wait_s,
            sleep=sleep,
            describe=lambda left_s: PREFIX + counting({**facts, "wait_s": left_s}),
            write=self._stderr.write,
        )

    def _fresh(self, warnings: Sequence[str]) -> list[str]:
        fresh = [warning for warning in warnings if warning not in self._has_warned]
        self._has_warned.update(fresh)
        return fresh

    def _long_poll(self, last: Attempt) -> Iterator[tuple[str, dict[str, Any]]]:
        """What is to be told of a provider that has waited itself; once a run."""
        remedy = _remedy(last)
        if remedy and last.polled_s >= LONG_POLL_S and not self._has_told_remedy:
            self._has_told_remedy = True
            yield "the provider waited", {"polled_s": last.polled_s, "remedy": remedy}

    def hook_output(self, last: Attempt) -> Unchanged | Lines:
        """Where the output of a command goes that runs after *last*."""
        self._begin_after(last)
        return Lines(lambda line: self._log.info("on retry", line=line)) if self._as_json else Unchanged(self._stderr)

    def _begin_after(self, last: Attempt) -> None:
        """Terraform may have left a line open; once we have said something, we know better."""
        if last is not self._last:
            self._last = last
            self._stderr.is_mid_line = last.left_line_open

    def finish(self, result: Result) -> None:
        """Say how the run ended, to people and to the CI system."""
        self._begin_after(result.last)
        event, facts = _ending(result)
        if event is None:
            return
        self.say(event, **facts)
        text = sentence(event, facts)
        append_summary(result, text, self._environ)
        if not self._quiet and not self._as_json:
            write_stderr(annotation(EVENTS[event].level, text, self._environ).encode("utf-8", "replace"))


def _retry_facts(attempts: Sequence[Attempt]) -> dict[str, Any]:
    attempt = attempts[-1]
    first_match = attempt.diagnosis.first_match
    cause = first_match.cause if first_match else None
    return {
        "address": who(attempt.diagnosis),
        "cause": cause.name if cause else None,
        "sentence": cause.sentence if cause else "terraform failed",
        "attempt": len(attempts),
        "failed_after_s": round(attempt.duration_s, 3),
    }


def _remedy(attempt: Attempt) -> str:
    causes = [finding.cause for finding in attempt.diagnosis.findings if finding.cause]
    return next((cause.remedy for cause in causes if cause.remedy), "")


def _ending(result: Result) -> tuple[str | None, dict[str, Any]]:
    retried = len(result.attempts) > 1
    if result.outcome == "applied" and retried:
        since_s = round(result.since_first_failure_s, 3)
        return "applied", {"attempt": len(result.attempts), "since_first_failure_s": since_s}
    if result.outcome == "gave-up":
        spent = {"attempts": len(result.attempts), "elapsed_s": round(result.elapsed_s, 3)}
        return "gave up", {**spent, "exit_code": result.exit_code, "remedy": _remedy(result.last)}
    if result.interrupted_between is not None:
        return "interrupted", {"signal": signal.Signals(result.interrupted_between).name, "meanwhile": result.reason}
    if result.outcome == "refused":
        return "refused", {"reason": result.reason, "details": list(result.details)}
    if result.reason:
        return "not retried", {"reason": result.reason}
    return None, {}


def can_rewrite_lines(environ: Mapping[str, str]) -> bool:
    """Whether stderr is a terminal before which somebody sits."""
    return os.isatty(2) and environ.get("TERM", "") not in ("", "dumb") and not any(map(environ.get, IN_AUTOMATION))

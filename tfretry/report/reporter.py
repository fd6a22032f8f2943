"""Reports the events of a run on stderr and to the CI system."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import structlog

from tfretry.attempt import Attempt
from tfretry.config.settings import Settings
from tfretry.report.ci import annotation, append_summary
from tfretry.report.countdown import count_down
from tfretry.report.events import Event, HookOutput, Note, Retrying
from tfretry.report.hook_output import LineByLine, Unchanged
from tfretry.report.phrases import long_poll, remedy
from tfretry.report.renderers import JSON, PREFIX, text_renderer, wants_colour
from tfretry.report.stderr import Stderr, write_stderr
from tfretry.result import Result

LONG_POLL_S = 110.0  # terraform reports its progress every 10 s: this is the last report before two minutes
SHORTEST_COUNTDOWN_S = 1.0
# Set by CI systems, some of which give their jobs a terminal: a line that is rewritten there stays in a log.
IN_AUTOMATION = (
    "BUILDKITE",
    "CI",
    "CODEBUILD_BUILD_ID",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TF_IN_AUTOMATION",
)


class Reporter:
    """Reports events as text or as JSON lines."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], *, as_json: bool) -> None:
        self._stderr = Stderr()
        self._environ = environ
        self._is_quiet = settings.quiet
        self._as_json = as_json
        self._has_countdown = not as_json and not settings.quiet and can_rewrite_lines(environ)
        self._warned: set[str] = set()
        self._last: Attempt | None = None
        processors = JSON if as_json else [text_renderer(colour=wants_colour(environ))]
        self._log = structlog.wrap_logger(self._stderr, processors=processors, wrapper_class=structlog.BoundLogger)

    def report(self, event: Event) -> None:
        """Write *event* to stderr, unless --quiet leaves it out."""
        if event.ignores_quiet or not self._is_quiet:
            self._log.msg(event)

    def wait(
        self,
        attempts: Sequence[Attempt],
        wait_s: float,
        sleep: Callable[[float], int | None],
        *,
        warnings: Sequence[str] = (),
    ) -> int | None:
        """Report that the last attempt is retried, and wait; return early with the number of a terminating signal.

        Each of *warnings* is reported once in a run.
        """
        self._begin_after(attempts[-1])
        event = _retrying(attempts, wait_s, warnings=[each for each in warnings if each not in self._warned])
        self._warned.update(warnings)
        if not self._as_json:
            for note in event.notes:
                self.report(Note(text=note))
        if not self._has_countdown or wait_s < SHORTEST_COUNTDOWN_S:
            self.report(event)
            return sleep(wait_s)
        return count_down(
            wait_s,
            sleep=sleep,
            describe=lambda left_s: PREFIX + event.countdown(left_s),
            write=self._stderr.write,
        )

    def hook_output(self, last: Attempt) -> Unchanged | LineByLine:
        """Return the sink for the output of the --on-retry command that runs after *last*."""
        self._begin_after(last)
        return LineByLine(lambda line: self.report(HookOutput(line=line))) if self._as_json else Unchanged(self._stderr)

    def finish(self, result: Result) -> None:
        """Report the end of the run on stderr and to the CI system."""
        self._begin_after(result.attempts[-1])
        if result.event is None:
            return
        self.report(result.event)
        append_summary(result, result.event, self._environ)
        if not self._is_quiet and not self._as_json:
            write_stderr(annotation(result.event, self._environ).encode("utf-8", "replace"))

    def _begin_after(self, last: Attempt) -> None:
        """Note whether terraform has left a line open, before the first event after *last*."""
        if last is not self._last:
            self._last = last
            self._stderr.is_mid_line = last.left_line_open


def _retrying(attempts: Sequence[Attempt], wait_s: float, *, warnings: Sequence[str]) -> Retrying:
    last = attempts[-1]
    first_match = last.diagnosis.first_match
    cause = first_match.cause if first_match else None
    is_first_long_poll = _has_long_poll(last) and not any(map(_has_long_poll, attempts[:-1]))
    return Retrying(
        address=first_match.address if first_match else None,
        errors=last.diagnosis.errors,
        cause=cause.name if cause else None,
        sentence=cause.sentence if cause else "terraform failed",
        attempt=len(attempts),
        failed_after_s=round(last.duration_s, 3),
        notes=(*warnings, *([long_poll(last.polled_s, last.diagnosis)] if is_first_long_poll else [])),
        wait_s=round(wait_s, 3),
    )


def _has_long_poll(attempt: Attempt) -> bool:
    """Return whether the provider has waited so long that the role may be missing."""
    return attempt.polled_s >= LONG_POLL_S and remedy(attempt.diagnosis) != ""


def can_rewrite_lines(environ: Mapping[str, str]) -> bool:
    """Return whether stderr is a terminal that shows a rewritten line as one line."""
    return os.isatty(2) and environ.get("TERM", "") not in ("", "dumb") and not any(map(environ.get, IN_AUTOMATION))

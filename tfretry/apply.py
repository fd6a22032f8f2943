"""One apply, to its end: the attempt that was asked for and, where waiting heals its failure, further ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfretry.attempts import Attempt, run_attempt
from tfretry.command import Command, plain_address
from tfretry.config import Settings
from tfretry.process import Signals
from tfretry.result import Result, result_of

if TYPE_CHECKING:
    from tfretry.report import Reporter

# Old Terraform Enterprise's answer to -refresh=false (terraform's internal/backend/remote/backend_apply.go).
REFRESH_IS_REQUIRED = "Planning without refresh is not supported"


class InterruptedWaitError(Exception):
    """A signal ended a wait between attempts."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Run:
    """The attempts of one command so far, and what the next one has to know of them."""

    def __init__(self, command: Command, settings: Settings, *, signals: Signals) -> None:
        self._command = command
        self._settings = settings
        self._signals = signals
        self._refresh = settings.refresh_on_retry
        self.attempts: list[Attempt] = []

    def first(self) -> Attempt:
        """Run what the user asked for."""
        return self._attempt(self._command.argv)

    def again(self, _last: Attempt) -> Attempt:
        """Run it again after an attempt that failed."""
        attempt = self._attempt(self._retry_argv())
        if _refuses_to_skip_refresh(attempt) and not self._refresh:
            self._refresh = True
            return self._attempt(self._retry_argv())
        return attempt

    def _retry_argv(self) -> list[str]:
        finished = [change for attempt in self.attempts for change in attempt.finished]
        created = {plain_address(change.address) for change in finished if change.action == "create"}
        return self._command.retry_argv(refresh=self._refresh, replaced=created)

    def _attempt(self, argv: list[str]) -> Attempt:
        self.attempts.append(run_attempt(argv, causes=self._settings.causes, signals=self._signals))
        return self.attempts[-1]


def _refuses_to_skip_refresh(attempt: Attempt) -> bool:
    return any(REFRESH_IS_REQUIRED in finding.summary for finding in attempt.diagnosis.findings)


def apply_until_ready(command: Command, settings: Settings, environ: Mapping[str, str], *, signals: Signals) -> Result:
    """Run *command* until it applies, fails for good, or is given up; says what happens on stderr."""
    unrepeatable = command.unrepeatable()
    run = Run(command, settings, signals=signals)
    first = run.first()
    if first.exit_code == 0 and not settings.report:
        return result_of(run.attempts)
    # What is needed only after a failure is imported only now: terraform ran meanwhile.
    from tfretry.report import Reporter

    reporter = Reporter(settings, environ)
    if first.heals and not unrepeatable:
        result = _retry(run, reporter, settings, signals)
    else:
        result = result_of(run.attempts, unrepeatable=unrepeatable)
    reporter.finish(result)
    if settings.report:
        _keep_record(result, settings.report, command.terraform, reporter)
    return result


def _keep_record(result: Result, path: str, terraform: str, reporter: Reporter) -> None:
    from tfretry.record import record, write_record

    try:
        write_record(record(result, terraform=terraform), path)
    except OSError as error:
        reporter.say("report not written", path=path, reason=error.strerror or str(error))


def _retry(run: Run, reporter: Reporter, settings: Settings, signals: Signals) -> Result:
    from tfretry.retry import retry_until_ready

    def sleep(wait_s: float) -> None:
        number = reporter.wait(run.attempts, wait_s, signals.sleep)
        if number is not None:
            raise InterruptedWaitError(number)

    try:
        retry_until_ready(run.attempts[0], run.again, settings=settings, sleep=sleep)
    except InterruptedWaitError as interrupted:
        return result_of(run.attempts, interrupted_wait=interrupted.number)
    return result_of(run.attempts)

"""One apply, to its end: the attempt that was asked for and, where waiting heals its failure, further ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tfretry.attempt import Attempt, run_attempt
from tfretry.config.settings import Settings
from tfretry.errors import InterruptedRetryError, NotContinuedError, TfretryError
from tfretry.process.signals import Signals
from tfretry.result import Result, interrupted, refused, result_of
from tfretry.terraform.command import Command

if TYPE_CHECKING:
    from tfretry.process.guardian import PrivateDirectory
    from tfretry.report.reporter import Reporter
    from tfretry.savedplan.premises import Premises


class Apply:
    """One command and the attempts at it so far."""

    def __init__(self, command: Command, settings: Settings, environ: Mapping[str, str], *, signals: Signals) -> None:
        self._command = command
        self._settings = settings
        self._environ = environ
        self._signals = signals
        self._attempts: list[Attempt] = []

    @property
    def exit_code(self) -> int | None:
        """Terraform's last exit code; negative when it died of that signal, None when it has not run."""
        return self._attempts[-1].exit_code if self._attempts else None

    def until_ready(self) -> Result:
        """Run the command until it applies, fails for good, or is given up; says what happens on stderr."""
        # Both must be known before the first attempt: it may read what can be read only once, or take minutes.
        unrepeatable = self._command.unrepeatable()
        approved = self._premises()
        first = self._run(self._command.argv)
        if first.exit_code == 0 and not self._settings.report:
            return result_of(self._attempts)
        # What is needed only after a failure is imported only now: terraform ran meanwhile.
        from tfretry.report.reporter import Reporter

        reporter = Reporter(self._settings, self._environ)
        if first.heals and not unrepeatable:
            result = self._retry(reporter, approved)
        else:
            result = result_of(self._attempts, unrepeatable=unrepeatable)
        reporter.finish(result)
        if self._settings.report:
            _keep_record(result, self._settings.report, terraform=self._command.terraform, reporter=reporter)
        return result

    def _premises(self) -> Premises | None:
        if self._command.plan_file is None:
            return None
        from tfretry.savedplan.premises import premises_of

        return premises_of(self._command)

    def _run(self, argv: Sequence[str], private: PrivateDirectory | None = None) -> Attempt:
        attempt = run_attempt(
            argv,
            causes=self._settings.causes,
            signals=self._signals,
            changes=self._command.depends_on_changes,
            private=private,
        )
        self._attempts.append(attempt)
        return attempt

    def _retry(self, reporter: Reporter, approved: Premises | None) -> Result:
        from tfretry.retry import retry_until_ready

        def sleep(wait_s: float) -> None:
            number = reporter.wait(self._attempts, wait_s, self._signals.sleep)
            if number is not None:
                raise InterruptedRetryError(number)

        try:
            with self._again(approved) as again:
                retry_until_ready(self._attempts[0], again, settings=self._settings, sleep=sleep)
        except InterruptedRetryError as error:
            return interrupted(self._attempts, error.number, meanwhile=error.meanwhile)
        except NotContinuedError as error:
            return refused(self._attempts, error.reason, *error.details)
        except TfretryError as error:  # terraform is gone, say
            return refused(self._attempts, str(error))
        return result_of(self._attempts)

    @contextlib.contextmanager
    def _again(self, approved: Premises | None) -> Iterator[Callable[[Attempt], Attempt]]:
        from tfretry.again import Continued, Repeated

        if self._command.plan_file is None:
            yield Repeated(self._command, self._run, refresh=self._settings.refresh_on_retry)
            return
        from tfretry.savedplan.saved import SavedPlan, directory_for_plans

        saved = SavedPlan(self._command, approved, plan_args=self._settings.plan_args, signals=self._signals)
        with directory_for_plans() as directory:
            yield Continued(self._command, self._run, saved=saved, directory=directory)


def _keep_record(result: Result, path: str, *, terraform: str, reporter: Reporter) -> None:
    from tfretry.report.record import record, write_record

    try:
        write_record(record(result, terraform=terraform), path)
    except (OSError, ValueError) as error:
        reporter.say("report not written", path=path, reason=getattr(error, "strerror", None) or str(error))

"""One apply, to its end: the attempt that was asked for and, while its failure is transient, further ones."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tfretry.attempt import Attempt, run_attempt
from tfretry.config.settings import Settings
from tfretry.errors import InterruptedRetryError, NotRetriedError, PlanError, TfretryError
from tfretry.process.channels import nobody_reads
from tfretry.process.signals import Signals
from tfretry.process.terminal import forget_typed
from tfretry.result import Result, interrupted, not_continued, result_of
from tfretry.terraform import messages
from tfretry.terraform.command import Command
from tfretry.terraform.inputs import spent_variable

if TYPE_CHECKING:
    from tfretry.next_argv import Next
    from tfretry.plan.plan_file import ApprovedPlan
    from tfretry.report.reporter import Reporter

NO_REFRESH_OF_A_PLAN = "--refresh-on-retry has no effect on a saved plan: terraform refreshes only when it plans"
IN_HOOK = "TFRETRY_RETRY_ATTEMPT"


class Apply:
    """A command and the attempts at it so far."""

    def __init__(self, command: Command, settings: Settings, environ: Mapping[str, str], *, signals: Signals) -> None:
        self._command = command
        self._settings = settings
        self._environ = environ
        self._signals = signals
        self._attempts: list[Attempt] = []

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last attempt; negative if a signal ended terraform, None before the first attempt."""
        return self._attempts[-1].exit_code if self._attempts else None

    def run(self) -> Result:
        """Run the command until it succeeds, fails for good or is given up, and report what happens."""
        # Check before the first attempt: it may consume a FIFO, and the plan file may change while it runs.
        unrepeatable = self._command.unrepeatable() or spent_variable(self._environ)
        with self._approved_plan() as approved:
            self._attempt(self._command.argv)
            if self.exit_code == 0 and not self._settings.report:
                return result_of(self._attempts)
            reporter = self._reporter()
            if self._attempts[0].is_retryable and not unrepeatable:
                result = self._retry(reporter, approved)
            else:
                result = result_of(self._attempts, unrepeatable=unrepeatable)
        reporter.finish(result)
        if self._settings.report:
            _write_report(result, self._settings.report, terraform=self._command.terraform, reporter=reporter)
        return result

    @contextlib.contextmanager
    def _approved_plan(self) -> Iterator[ApprovedPlan | None]:
        if self._command.plan_file is None:
            yield None
            return
        from tfretry.plan.plan_file import ApprovedPlan

        approved = ApprovedPlan(self._command)
        with contextlib.closing(approved.file):
            yield approved

    def _reporter(self) -> Reporter:
        from tfretry.report.reporter import Reporter  # only after a failure, so that it delays no apply

        log_format = self._settings.log_format or ("json" if self._command.says_json else "text")
        return Reporter(self._settings, self._environ, as_json=log_format == "json")

    def _attempt(self, argv: Sequence[str]) -> None:
        self._attempts.append(run_attempt(argv, causes=self._settings.causes, signals=self._signals))

    def _retry(self, reporter: Reporter, approved: ApprovedPlan | None) -> Result:
        try:
            self._apply_again(reporter, approved)
        except InterruptedRetryError as error:
            return interrupted(self._attempts, error.number, meanwhile=error.meanwhile)
        except NotRetriedError as error:
            return result_of(self._attempts, unrepeatable=str(error))
        except PlanError as error:
            from tfretry.plan.saved_plan import advice

            return not_continued(self._attempts, str(error), *error.details, advice(self._command))
        except TfretryError as error:  # terraform cannot be started any more, for example
            return not_continued(self._attempts, str(error))
        return result_of(self._attempts)

    def _apply_again(self, reporter: Reporter, approved: ApprovedPlan | None) -> None:
        """Run the command again as long as its failure is transient; raise what forbids that."""
        from tfretry.policy import waits

        for wait_s in waits(self._settings, self._attempts):
            with contextlib.closing(self._next(approved)) as upcoming:
                self._wait(wait_s, upcoming, reporter)
                self._attempt(upcoming.argv)
        if approved and len(self._attempts) > 1 and self._attempts[-1].was_refused(*messages.STALE_PLAN):
            raise PlanError("another run has changed the state since the last attempt")

    def _next(self, approved: ApprovedPlan | None) -> Next:
        from tfretry.next_argv import continue_saved_plan, repeat

        if approved is None:
            return repeat(self._command, self._attempts, refresh=self._settings.refresh_on_retry)
        return continue_saved_plan(approved, self._attempts, signals=self._signals)

    def _wait(self, wait_s: float, upcoming: Next, reporter: Reporter) -> None:
        """Return when the next attempt may start, *wait_s* after the end of the last one; raise what forbids it."""
        last = self._attempts[-1]
        _check_for_readers()
        if last.needs_refresh(self._attempts[0]):
            number = self._signals.sleep(0)  # the backend refused to begin, which is no failure to report
        else:
            self._run_hook(wait_s, reporter)
            left_s = max(0.0, last.ended_s + wait_s - time.monotonic())
            number = reporter.wait(self._attempts, left_s, self._signals.sleep, warnings=self._warnings(upcoming))
        if number is not None:
            raise InterruptedRetryError(number)
        upcoming.check()
        _check_for_readers()
        if self._command.may_ask:
            forget_typed()  # an answer that was typed during the wait must not approve the next apply

    def _run_hook(self, wait_s: float, reporter: Reporter) -> None:
        from tfretry.process.hook import run_hook

        command = self._settings.on_retry
        if command is None or IN_HOOK in self._environ:  # a hook that runs tfretry must not run itself again
            return
        with contextlib.closing(reporter.hook_output(self._attempts[-1])) as output:
            variables = hook_variables(self._attempts, wait_s)
            run_hook(command, variables, signals=self._signals, watch=output.feed)

    def _warnings(self, upcoming: Next) -> list[str]:
        has_no_effect = self._command.plan_file is not None and self._settings.refresh_on_retry
        return [text for text in (NO_REFRESH_OF_A_PLAN if has_no_effect else "", upcoming.warning) if text]


def _check_for_readers() -> None:
    """Raise InterruptedRetryError if our client is gone, as after a hang-up: nobody would know what is created."""
    if nobody_reads():
        raise InterruptedRetryError(signal.SIGHUP, "nobody reads stdout and stderr any more")


def hook_variables(attempts: Sequence[Attempt], wait_s: float) -> dict[str, str]:
    """Return the variables that describe the failed attempt to the --on-retry command."""
    first_match = attempts[-1].diagnosis.first_match
    variables = {
        IN_HOOK: str(len(attempts)),
        "TFRETRY_RETRY_CAUSE": first_match.cause.name if first_match and first_match.cause else "",
        "TFRETRY_RETRY_ADDRESS": first_match.address or "" if first_match else "",
        "TFRETRY_RETRY_WAIT_S": f"{wait_s:.3f}",
    }
    return {name: value.replace("\0", "") for name, value in variables.items()}


def _write_report(result: Result, path: str, *, terraform: str, reporter: Reporter) -> None:
    from tfretry.report.events import ReportNotWritten
    from tfretry.report.record import record, write_record

    try:
        write_record(record(result, terraform=terraform), path)
    except (OSError, ValueError) as error:
        reporter.report(ReportNotWritten(path=path, reason=getattr(error, "strerror", None) or str(error)))

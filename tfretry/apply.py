"""One apply, to its end: the attempt that was asked for and, where its failure is transient, further ones."""

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
from tfretry.result import Result, interrupted, refused, result_of
from tfretry.terraform.command import Command
from tfretry.terraform.inputs import spent_variable
from tfretry.terraform.messages import STALE_PLAN

if TYPE_CHECKING:
    from tfretry.next_argv import Repeat
    from tfretry.plan.saved_plan import Rest, SavedPlan
    from tfretry.report.reporter import Reporter

NO_REFRESH_OF_A_PLAN = "--refresh-on-retry has no meaning beside a saved plan: terraform refreshes when it plans"


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

    def run(self) -> Result:
        """Run the command until it applies, fails for good, or is given up; say what happens on stderr."""
        # Check before the first attempt: it may consume a FIFO, and the plan file may change while it runs.
        unrepeatable = self._command.unrepeatable() or spent_variable(self._environ)
        with self._saved_plan() as saved:
            self._attempt(self._command.argv)
            if self.exit_code == 0 and not self._settings.report:
                return result_of(self._attempts)
            # What is needed only after a failure is imported only now: terraform ran meanwhile.
            from tfretry.report.reporter import Reporter

            log_format = self._settings.log_format or ("json" if self._command.says_json else "text")
            reporter = Reporter(self._settings, self._environ, as_json=log_format == "json")
            if self._attempts[0].is_retryable and not unrepeatable:
                result = self._retry(reporter, saved)
            else:
                result = result_of(self._attempts, unrepeatable=unrepeatable)
        reporter.finish(result)
        if self._settings.report:
            _keep_record(result, self._settings.report, terraform=self._command.terraform, reporter=reporter)
        return result

    @contextlib.contextmanager
    def _saved_plan(self) -> Iterator[SavedPlan | None]:
        if self._command.plan_file is None:
            yield None
            return
        from tfretry.plan.saved_plan import SavedPlan

        with contextlib.closing(SavedPlan(self._command)) as saved:
            yield saved

    def _attempt(self, argv: Sequence[str]) -> None:
        if self._attempts:
            _check_for_readers()
            if self._command.may_ask:
                forget_typed()  # while we waited: it approves nothing
        self._attempts.append(
            run_attempt(
                argv,
                causes=self._settings.causes,
                signals=self._signals,
            )
        )

    def _retry(self, reporter: Reporter, saved: SavedPlan | None) -> Result:
        from tfretry.policy import retrying

        with contextlib.ExitStack() as held:
            upcoming: Repeat | Rest | None = None

            def prepare_and_wait(wait_s: float) -> None:
                nonlocal upcoming
                until_s = time.monotonic() + wait_s
                held.close()
                upcoming = held.enter_context(contextlib.closing(self._prepare(saved)))
                _check_for_readers()
                self._on_retry(wait_s, reporter)
                self._wait(until_s - time.monotonic(), reporter, warnings=self._warnings(upcoming))
                upcoming.check()

            try:
                for trial in retrying(self._settings, self._attempts, sleep=prepare_and_wait):
                    if upcoming is not None:
                        self._attempt(upcoming.argv)
                    trial.retry_state.set_result(self._attempts[-1])
            except InterruptedRetryError as error:
                return interrupted(self._attempts, error.number, meanwhile=error.meanwhile)
            except NotRetriedError as error:
                return result_of(self._attempts, unrepeatable=error.reason)
            except PlanError as error:
                return refused(self._attempts, error.reason, *error.details, *([saved.advice] if saved else []))
            except TfretryError as error:  # terraform is gone, say
                return refused(self._attempts, str(error))
        if saved and len(self._attempts) > 1 and self._attempts[-1].was_refused(*STALE_PLAN):
            return refused(self._attempts, "another run has changed the state since the last attempt", saved.advice)
        return result_of(self._attempts)

    def _prepare(self, saved: SavedPlan | None) -> Repeat | Rest:
        from tfretry.next_argv import continue_saved_plan, repeat

        if saved is None:
            return repeat(self._command, self._attempts, refresh=self._settings.refresh_on_retry)
        return continue_saved_plan(saved, self._attempts, signals=self._signals)

    def _on_retry(self, wait_s: float, reporter: Reporter) -> None:
        from tfretry.policy import needs_refresh
        from tfretry.process.hook import run_hook

        command = self._settings.on_retry
        if command is None or needs_refresh(self._attempts[-1], self._attempts[0]):
            return
        with contextlib.closing(reporter.hook_output(self._attempts[-1])) as output:
            variables = hook_variables(self._attempts, wait_s)
            run_hook(command, variables, signals=self._signals, watch=output.feed)

    def _wait(self, wait_s: float, reporter: Reporter, *, warnings: Sequence[str]) -> None:
        from tfretry.policy import needs_refresh

        if needs_refresh(self._attempts[-1], self._attempts[0]):
            number = self._signals.sleep(0)  # terraform has said it all
        else:
            number = reporter.wait(self._attempts, max(0.0, wait_s), self._signals.sleep, warnings=warnings)
        if number is not None:
            raise InterruptedRetryError(number)

    def _warnings(self, upcoming: Repeat | Rest) -> list[str]:
        is_meaningless = self._command.plan_file is not None and self._settings.refresh_on_retry
        return [text for text in (NO_REFRESH_OF_A_PLAN if is_meaningless else "", upcoming.warning) if text]


def _check_for_readers() -> None:
    """Raise InterruptedRetryError where our client is gone, as where it has hung up: what we build is nobody's."""
    if nobody_reads():
        raise InterruptedRetryError(signal.SIGHUP, "nobody reads stdout and stderr any more")


def hook_variables(attempts: Sequence[Attempt], wait_s: float) -> dict[str, str]:
    """What the command of --on-retry is told of the attempt that failed."""
    first_match = attempts[-1].diagnosis.first_match
    told = {
        "ATTEMPT": str(len(attempts)),
        "CAUSE": first_match.cause.name if first_match and first_match.cause else "",
        "ADDRESS": first_match.address or "" if first_match else "",
        "WAIT_S": f"{wait_s:.3f}",
    }
    return {f"TFRETRY_RETRY_{name}": value.replace("\0", "") for name, value in told.items()}


def _keep_record(result: Result, path: str, *, terraform: str, reporter: Reporter) -> None:
    from tfretry.report.record import record, write_record

    try:
        write_record(record(result, terraform=terraform), path)
    except (OSError, ValueError) as error:
        reporter.say("report not written", path=path, reason=getattr(error, "strerror", None) or str(error))

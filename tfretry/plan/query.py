"""Ask terraform, without showing its output, for the state, for a plan as JSON, and for its name."""

from __future__ import annotations

from typing import IO, Any

from tfretry.errors import InterruptedRetryError, PlanError
from tfretry.output.diagnostic import Diagnostic
from tfretry.output.diagnostics import DiagnosticReader
from tfretry.plan.nameless import nameless_file, path_for_terraform
from tfretry.plan.plan_json import parse
from tfretry.process.run import run_to_files
from tfretry.process.signals import Signals
from tfretry.terraform import messages
from tfretry.terraform.command import Command

# They hold options of an apply, most of which `show` and `state pull` refuse.
REMOVED = dict.fromkeys(("TF_CLI_ARGS", "TF_CLI_ARGS_show", "TF_CLI_ARGS_state_pull", "TF_CLI_ARGS_version"))
ERROR_WITHIN = 1 << 20  # bytes of stderr that are searched for the heading of an error


class Query:
    """Run the terraform of *command* in its folder; a signal meanwhile raises InterruptedRetryError."""

    def __init__(self, command: Command, signals: Signals) -> None:
        self._command = command
        self._signals = signals
        self._is_opentofu: bool | None = None

    @property
    def is_opentofu(self) -> bool:
        """Whether terraform is OpenTofu, according to `version`; raises PlanError."""
        if self._is_opentofu is None:
            self._is_opentofu = self._ask("version").startswith(messages.OPENTOFU)
        return self._is_opentofu

    def pull_state(self) -> bytes:
        """Return the stored state, without locking it; raises PlanError, OSError."""
        path = self._command.local_state
        if path is None:
            return self._ask("state", "pull", *self._variables())
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def show(self, plan: IO[bytes]) -> Any:
        """Return the output of `show -json` for *plan*; raises PlanError."""
        return parse(self._ask("show", "-json", *self._variables(), path_for_terraform(plan)))

    def _variables(self) -> list[str]:
        """Return the options with variables if OpenTofu may need them for its backend, encryption or modules."""
        given = self._command.variables
        return given if given and self.is_opentofu else []

    def _ask(self, *arguments: str) -> bytes:
        words = " ".join(word for word in arguments[:2] if not word.startswith("-"))
        argv = [self._command.terraform, *self._command.global_options, *arguments]
        with nameless_file() as stdout, nameless_file() as stderr:
            ended = run_to_files(
                argv, signals=self._signals, stdout=stdout.fileno(), stderr=stderr.fileno(), variables=REMOVED
            )
            if ended.received_signal is not None:
                raise InterruptedRetryError(ended.received_signal, f"`terraform {words}` was running")
            if ended.exit_code != 0:
                raise PlanError(f"`terraform {words}` failed: {_heading(stderr, ended.exit_code)}")
            stdout.seek(0)
            return stdout.read()


def _heading(stderr: IO[bytes], exit_code: int) -> str:
    """Return the summary of terraform's first error, else its exit code."""
    found: list[Diagnostic] = []
    reader = DiagnosticReader(found.append)
    stderr.seek(0)
    reader.feed(stderr.read(ERROR_WITHIN))
    reader.close()
    return found[0].summary if found else f"exit code {exit_code}"

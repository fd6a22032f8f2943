"""A saved plan is continued: the rest is planned anew, proved to be within what was approved, and just that applied."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfretry.approval.changes import Refusal
from tfretry.approval.check import refusals
from tfretry.approval.hints import hints
from tfretry.approval.question import unsupported
from tfretry.errors import InterruptedRetryError, NotContinuedError
from tfretry.output.progress import Completion
from tfretry.process.guardian import PrivateDirectory, private_directory
from tfretry.process.run import run_quietly
from tfretry.process.signals import Signals
from tfretry.savedplan.documents import parse, variables_file
from tfretry.savedplan.file import PlanFile, file_refusals, read_plan_file
from tfretry.savedplan.premises import Premises, changed, premises_of
from tfretry.terraform.command import Command, redacted

CHANGES_PRESENT = 2  # with -detailed-exitcode in TF_CLI_ARGS_plan
# `show` takes hardly any of the options that these hold for other commands, and fails.
ARGUMENTS_OF_SHOW = ("TF_CLI_ARGS", "TF_CLI_ARGS_show")
# Since then terraform refuses a plan file whose state has changed, also the first one of a new state.
REFUSES_STALE_PLANS = (1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What was approved: the plan file's own facts, and its document as `show -json` has it."""

    file: PlanFile
    document: Any


@contextlib.contextmanager
def directory_for_plans() -> Iterator[PrivateDirectory]:
    """A private directory under TMPDIR; raises NotContinuedError where there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            path = Path(tempfile.gettempdir()).absolute() / f"tfretry-{secrets.token_hex(16)}"
            directory = stack.enter_context(private_directory(path))
        except OSError as error:
            raise NotContinuedError(f"no private directory can be made ({error.strerror})") from error
        yield directory


class SavedPlan:
    """The plan that the user approved, as it was before the first attempt, which alone applies its file."""

    def __init__(
        self, command: Command, approved: Premises | None, *, plan_args: Sequence[str], signals: Signals
    ) -> None:
        self._command = command
        self._before = approved
        self._plan_args = plan_args
        self._signals = signals
        self._approved: Approved | None = None

    @property
    def refuses_stale_plans(self) -> bool:
        """Whether this terraform refuses a plan file once the state has changed, also the first one."""
        version = str(self._approved.document["terraform_version"]).split(".") if self._approved else []
        return tuple(int(part) for part in version[:2]) >= REFUSES_STALE_PLANS

    def plan_rest(self, finished: Collection[Completion], directory: PrivateDirectory) -> str:
        """The path of a new plan, checked against the approved one.

        *finished* holds all changes that are complete since the approval. Raises NotContinuedError,
        InterruptedRetryError.
        """
        try:
            return self._plan_rest(finished, directory)
        except ValueError as error:
            raise NotContinuedError(str(error), self._advice()) from error
        except OSError as error:
            where = error.filename or "a file of the private directory"  # a full disk is noticed without a name
            raise NotContinuedError(f"{where}: {error.strerror}", self._advice()) from error

    def check_premises(self) -> None:
        """Raise NotContinuedError where the plan file, the workspace or the backend is not what it was."""
        now = premises_of(self._command)
        if self._before is None or now is None:
            raise NotContinuedError("the plan file cannot be looked at")
        differing = changed(self._before, now)
        if differing:
            raise NotContinuedError("; ".join(differing))

    def _plan_rest(self, finished: Collection[Completion], directory: PrivateDirectory) -> str:
        self._approved = approved = self._approved or self._read_approved(directory)
        rest = os.path.join(directory.path, "rest.tfplan")
        variables = os.path.join(directory.path, "approved.tfvars.json")
        _write(variables, variables_file(approved.document))
        planning = ["plan", "-input=false", "-refresh=false", f"-out={rest}", f"-var-file={variables}"]
        self._run([*planning, *self._command.planning_options, *self._plan_args], directory, os.devnull)
        new_file, new_document = read_plan_file(rest), self._show(rest, directory)
        found = [*file_refusals(approved.file, new_file), *refusals(approved.document, new_document, finished)]
        self.check_premises()
        if found:
            advice = [*hints(approved.document, new_document), self._advice()]
            raise NotContinuedError("the rest is not just what was approved", *map(_described, found), *advice)
        return rest

    def _read_approved(self, directory: PrivateDirectory) -> Approved:
        self.check_premises()
        file = read_plan_file(self._command.in_folder(self._command.plan_file or ""))
        document = self._show(self._command.plan_file or "", directory)
        # What was read is what was approved only if the file is still the same now.
        self.check_premises()
        why = unsupported(document)
        if why:
            raise ValueError(f"the approved plan cannot be continued: {why}")
        return Approved(file=file, document=document)

    def _show(self, plan: str, directory: PrivateDirectory) -> Any:
        shown = os.path.join(directory.path, "shown.json")
        self._run(["show", "-json", "--", plan], directory, shown)
        with open(shown, "rb") as file:
            return parse(file.read())

    def _run(self, arguments: Sequence[str], directory: PrivateDirectory, stdout: str) -> None:
        argv = [self._command.terraform, *self._command.before[:-1], *arguments]
        with open(os.devnull, "wb") as null, open(stdout, "wb", opener=_private) as output:
            outcome = run_quietly(
                argv,
                signals=self._signals,
                stdout=output.fileno(),
                stderr=null.fileno(),
                private=directory,
                hidden=ARGUMENTS_OF_SHOW if arguments[0] == "show" else (),
            )
        if outcome.signalled is not None:
            raise InterruptedRetryError(outcome.signalled, f"`terraform {arguments[0]}` was running")
        if outcome.exit_code not in ({0, CHANGES_PRESENT} if arguments[0] == "plan" else {0}):
            raise ValueError(f"`terraform {arguments[0]}` failed with exit code {outcome.exit_code}")

    def _advice(self) -> str:
        options = redacted([*self._command.planning_options, *self._plan_args])
        shown = shlex.join(["terraform", *self._command.before[:-1], "plan", "-out=NEWPLAN", *options])
        return f"To see what is left to do: {shown}; review that plan, and apply it if it is right."


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(path: str, content: bytes) -> None:
    with open(path, "wb", opener=_private) as file:
        file.write(content)


def _described(refusal: Refusal) -> str:
    where = f"{refusal.address} ({refusal.path})" if refusal.path else refusal.address
    return f"{where}: approved: {refusal.approved}; now: {refusal.now}; {refusal.why}"

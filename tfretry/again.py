"""What each attempt after the first runs: the same command again, or a checked plan for the rest of a saved one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfretry.terraform.command import Command, plain_address

if TYPE_CHECKING:
    from tfretry.attempt import Attempt
    from tfretry.output.progress import Completion
    from tfretry.process.guardian import PrivateDirectory
    from tfretry.savedplan.saved import SavedPlan

Run = Callable[..., "Attempt"]  # of an argument list, and the private directory that it uses

# Old Terraform Enterprise's answer to -refresh=false (terraform's internal/backend/remote/backend_apply.go).
REFRESH_IS_REQUIRED = "Planning without refresh is not supported"
# terraform's internal/backend/local/backend_local.go
PLAN_IS_STALE = "Saved plan is stale"


class Repeated:
    """Without a plan file: the same command, less the refresh and the replacements that are done."""

    def __init__(self, command: Command, run: Run, *, refresh: bool) -> None:
        self._command = command
        self._run = run
        self._refresh = refresh
        self._created: set[str] = set()

    def __call__(self, last: Attempt) -> Attempt:
        """Run the attempt after *last*."""
        self._created |= {plain_address(change.address) for change in last.finished if change.action == "create"}
        # Many providers save an update that failed as if it were done (hashicorp/terraform-plugin-sdk#476): without a
        # refresh it would be taken for done, and never be made.
        self._refresh = self._refresh or last.update_failed
        # What an attempt found that failed while it refreshed or planned is lost: it has written no state.
        refresh = self._refresh or not last.begun
        attempt = self._run(self._argv(refresh=refresh))
        if not refresh and _refused(attempt, REFRESH_IS_REQUIRED):
            self._refresh = True
            attempt = self._run(self._argv(refresh=True))
        return attempt

    def _argv(self, *, refresh: bool) -> list[str]:
        return self._command.retry_argv(refresh=refresh, replaced=self._created)


class Continued:
    """With a plan file: a plan for the rest, which is checked, and applied again while the state stays the same."""

    def __init__(self, command: Command, run: Run, *, saved: SavedPlan, directory: PrivateDirectory) -> None:
        self._command = command
        self._run = run
        self._saved = saved
        self._directory = directory
        self._finished: set[Completion] = set()
        self._rest: str | None = None

    def __call__(self, last: Attempt) -> Attempt:
        """Run the attempt after *last*; raises NotContinuedError, InterruptedRetryError."""
        self._finished |= last.finished
        if self._rest and not last.finished and self._saved.refuses_stale_plans:
            self._saved.check_premises()
            attempt = self._apply(self._rest)
            if not _refused(attempt, PLAN_IS_STALE):
                return attempt
        self._rest = self._saved.plan_rest(self._finished, self._directory)
        return self._apply(self._rest)

    def _apply(self, plan: str) -> Attempt:
        return self._run(self._command.apply_argv(plan), self._directory)


def _refused(attempt: Attempt, sentence: str) -> bool:
    """Whether terraform refused the attempt with *sentence*, and did nothing; after a signal nothing is inferred."""
    ended_by_itself = attempt.exit_code == 1 and attempt.signalled is None
    return ended_by_itself and any(sentence in finding.summary for finding in attempt.diagnosis.findings)

"""The command line of the next attempt: the same command again, or the rest of a saved plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from tfretry.attempt import Attempt
from tfretry.errors import NotRetriedError, PlanError
from tfretry.process.signals import Signals
from tfretry.terraform.address import plain_address
from tfretry.terraform.command import Command

if TYPE_CHECKING:
    from tfretry.plan.plan_file import ApprovedPlan

# A log quotes anything, also what looks like a report of terraform's.
UNKNOWN = "it is not known which changes are done, because TF_LOG writes into terraform's progress; set TF_LOG_PATH"


def _may_start() -> None:
    """Raise nothing: terraform plans again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The command line of the next attempt, and a *warning* for the user; close it with `close`.

    *check* raises PlanError if the attempt must not start any more. *plan* is the plan file that *argv* names.
    """

    argv: tuple[str, ...]
    warning: str = ""
    check: Callable[[], None] = _may_start
    plan: IO[bytes] | None = None

    def close(self) -> None:
        """Close the plan file, which deletes it."""
        if self.plan:
            self.plan.close()


def repeat(command: Command, attempts: Sequence[Attempt], *, refresh: bool) -> Next:
    """Return the same command without the refresh and the replacements that *attempts* have done.

    Raises NotRetriedError if it is not known which replacements are done.
    """
    if command.replaces and any(each.progress.is_cut for each in attempts):
        raise NotRetriedError(f"{UNKNOWN}: -replace might replace the resource again")
    finished = [change for each in attempts for change in each.progress.finished]
    created = {plain_address(change.address) for change in finished if change.action == "create"}
    # Many providers save a failed update as if it had succeeded (hashicorp/terraform-plugin-sdk#476): only a refresh
    # shows that it is still to be made.
    must = refresh or any(each.progress.update_failed or each.needs_refresh(attempts[0]) for each in attempts)
    # An attempt that failed before its first change has saved no state, and so has lost its refresh.
    return Next(argv=tuple(command.retry_argv(refresh=must or not attempts[-1].progress.begun, replaced=created)))


def continue_saved_plan(approved: ApprovedPlan, attempts: Sequence[Attempt], *, signals: Signals) -> Next:
    """Return the rest of the saved plan after *attempts*; raise PlanError or InterruptedRetryError."""
    from tfretry.plan.done import Reports
    from tfretry.plan.saved_plan import rest_of

    if any(attempt.diagnosis.postcondition_failed for attempt in attempts):
        # Its object is complete, so that the rest of the plan would not check the condition again.
        raise PlanError("a postcondition failed, and what depends on it would be made all the same")
    if any(attempt.progress.is_cut for attempt in attempts):
        raise PlanError(UNKNOWN)
    return rest_of(approved, Reports.of([attempt.progress for attempt in attempts]), signals)

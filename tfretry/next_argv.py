"""What the attempt after a failed one runs: the same command again, or what is left of a saved plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfretry.errors import NotRetriedError, PlanError
from tfretry.policy import needs_refresh
from tfretry.terraform.address import plain_address
from tfretry.terraform.command import Command

if TYPE_CHECKING:
    from tfretry.attempt import Attempt
    from tfretry.plan.saved_plan import Rest, SavedPlan
    from tfretry.process.signals import Signals

# A log quotes anything, also what looks like a report of terraform's.
UNTELLABLE = "nothing tells what is done, since TF_LOG writes among terraform's reports (TF_LOG_PATH keeps them apart)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """The same command again; like a `Rest` it is checked after the wait and closed, to which there is nothing here."""

    argv: tuple[str, ...]
    warning: str = ""

    def check(self) -> None:
        """Do nothing: terraform plans anew."""

    def close(self) -> None:
        """Do nothing: it holds nothing."""


def repeat(command: Command, attempts: Sequence[Attempt], *, refresh: bool) -> Repeat:
    """Return the same command, less the refresh and the replacements that *attempts* have done.

    Raises NotRetriedError.
    """
    if command.replaces and any(each.reports_are_cut for each in attempts):
        raise NotRetriedError(f"{UNTELLABLE}: -replace might replace the resource again")
    created = {plain_address(each.address) for one in attempts for each in one.finished if each.action == "create"}
    # Many providers save an update that failed as if it were done (hashicorp/terraform-plugin-sdk#476): without a
    # refresh it would be taken for done, and never be made.
    must = refresh or any(each.update_failed or needs_refresh(each, attempts[0]) for each in attempts)
    # An attempt that failed while it refreshed or planned has written no state: what it found is lost.
    return Repeat(argv=tuple(command.retry_argv(refresh=must or not attempts[-1].begun, replaced=created)))


def continue_saved_plan(saved: SavedPlan, attempts: Sequence[Attempt], *, signals: Signals) -> Rest:
    """Return what is left of the saved plan after *attempts*; raises PlanError, InterruptedRetryError."""
    from tfretry.plan.done import Reports

    if any(attempt.diagnosis.postcondition_failed for attempt in attempts):
        # The object is made, and reported: the condition would never be asked again.
        raise PlanError("a postcondition failed, and what depends on it would be made all the same")
    if any(attempt.reports_are_cut for attempt in attempts):
        raise PlanError(UNTELLABLE)
    reports = Reports.of(
        (each for one in attempts for each in one.finished),
        (address for one in attempts for address in one.destroy_provisioned),
        are_text=any(attempt.reports_are_text for attempt in attempts),
    )
    return saved.rest(reports, signals)

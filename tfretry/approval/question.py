"""Whether the new plan answers the same question: terraform, configuration, variables, scope."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tfretry.approval.changes import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

# Members of the document that may differ, and why. All others are equal or judged change by change.
FREE = {
    "applyable": "a plan with nothing left to do is not applyable; terraform applies it all the same",
    "checks": "results of checks that warn; a condition that stops terraform makes no plan",
    "planned_values": "tells the changes once more, with less in it",
    "prior_state": "what earlier attempts have done; judged with the changes that start from it, and in sources.py",
    "relevant_attributes": "which drift terraform would mention to a reader",
    "resource_changes": "judged one by one",
    "output_changes": "judged one by one",
    "resource_drift": "drift that nothing is done about; what is done about drift is a change",
    "timestamp": "when it was planned; what plantimestamp() feeds is judged with the change",
}
# Members that carry actions of kinds that cannot be followed through a second plan.
UNFOLLOWED = {
    "deferred_changes": "it defers changes",
    "deferred_action_invocations": "it defers actions",
    "action_invocations": "it invokes actions",
}
KNOWN_FORMATS = ("0", "1")
VERSION = re.compile(r"\d+\.\d+\.", re.ASCII)
# What every plan has, if only to hold nothing.
REQUIRED = ("configuration", "planned_values")
WHY = {
    "complete": "covers another part of the configuration",
    "configuration": "has changed since the approval",
    "terraform_version": "is another terraform",
}
OTHERWISE = "is not as it was approved"


def unsupported(plan: Any) -> str | None:
    """Why such a plan is never continued, as the rest of a sentence ("it cannot be continued: …"); else None."""
    return next(_objections(plan), None)


def _objections(plan: Any) -> Iterator[str]:
    """Why not, the most basic first: what follows may rely on it."""
    if not isinstance(plan, dict):
        yield "it is no plan"
    if str(plan.get("format_version")).partition(".")[0] not in KNOWN_FORMATS:
        yield "its format is not known"
    if not VERSION.match(str(plan.get("terraform_version"))):
        yield "its terraform version is not known"
    yield from (f"it has no {member}" for member in REQUIRED if not isinstance(plan.get(member), dict))
    if plan.get("errored", False) is not False:
        yield "it ended in an error"
    yield from (why for member, why in UNFOLLOWED.items() if plan.get(member))
    if _unset_variables(plan):
        yield "it has ephemeral variables, whose values no plan holds"


def question_refusals(approved: Any, new: Any) -> list[Refusal]:
    """Where the question differs; raises ValueError for plans that are never continued."""
    for plan in (approved, new):
        why = unsupported(plan)
        if why is not None:
            raise ValueError(f"the plan cannot be continued: {why}")
    members = sorted({*approved, *new} - set(FREE) - {"variables"})
    differing = [member for member in members if approved.get(member) != new.get(member)]
    return [_refusal(each) for each in [*differing, *_differing_variables(approved, new)]]


def is_partial(plan: Any) -> bool:
    """Whether the plan covers only a part, as with `-target`; terraform < 1.8 does not say."""
    return plan.get("complete", True) is not True


def _unset_variables(plan: Any) -> bool:
    # Any other variable has a value or a default. An ephemeral one with a default looks just like those: the plan
    # file alone tells it (savedplan/file.py).
    root = _object(_object(plan, "configuration"), "root_module")
    declared = _object(root, "variables")
    return any(name not in _object(plan, "variables") and "default" not in declared[name] for name in declared)


def _differing_variables(approved: Any, new: Any) -> list[str]:
    ours, theirs = _object(approved, "variables"), _object(new, "variables")
    return [f"var.{name}" for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _object(value: Any, member: str) -> Any:
    found = value.get(member, {})
    if not isinstance(found, dict):
        raise ValueError(f"the plan is not understood: {member}")  # noqa: TRY004 - what callers expect
    return found


def _refusal(member: str) -> Refusal:
    return Refusal(address=member, approved="as reviewed", now="different", why=WHY.get(member, OTHERWISE))

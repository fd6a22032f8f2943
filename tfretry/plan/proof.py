"""The proof, by terraform's own reader: a new plan holds exactly the approved changes that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey
from tfretry.plan.done import Decision, bounded, named
from tfretry.plan.plan_json import as_expected, entries

# What follows from the state and from the changes that are left.
UNPROVED = "the rest of the plan is not just what was approved"
DERIVED = ("prior_state", "planned_values", "resource_changes")


def check_rest(approved: Mapping[str, Any], rest: Mapping[str, Any], decision: Decision) -> None:
    """Raise PlanError unless `show -json` of the *rest* tells the *approved* plan without what is done."""
    with as_expected("a plan"):
        differing = _differing(_without_derived(approved), _without_derived(rest))
        expected = dict(_expected(key, entry.document, decision) for key, entry in entries(approved).items())
        left = {key: change for key, change in expected.items() if key not in decision.done}
        found = {key: entry.document for key, entry in entries(rest).items()}
        differing += [named(key) for key in _differing(left, found)]
    if differing:
        raise PlanError(UNPROVED, f"Terraform reads otherwise: {', '.join(bounded(differing, '{} more'))}.")


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    """Return the names of members that are not in both, or not equal."""
    names = one.keys() | other.keys()
    return sorted(name for name in names if (name in one, one.get(name)) != (name in other, other.get(name)))


def _without_derived(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in DERIVED}


def _expected(key: ChangeKey, change: Mapping[str, Any], decision: Decision) -> tuple[ChangeKey, Mapping[str, Any]]:
    deposed = decision.deposed.get(key)
    if deposed is None:
        return key, change
    kept = {name: value for name, value in change.items() if name not in ("action_reason", "previous_address")}
    planned = change["change"]
    deletion = {
        "actions": ["delete"],
        "before": planned["before"],
        "after": None,
        "after_unknown": {},
        "before_sensitive": planned["before_sensitive"],
        "after_sensitive": False,
    }
    return ChangeKey(key.address, deposed), {**kept, "deposed": deposed, "change": deletion}

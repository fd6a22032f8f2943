"""Prove by the output of `show -json` that a new plan holds exactly the approved changes that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey
from tfretry.plan.done import Decision, named, shortened
from tfretry.plan.plan_json import as_expected, entries

UNPROVED = "the rest of the plan is not just what was approved"
# Members that follow from the state and from the remaining changes.
DERIVED = ("prior_state", "planned_values", "resource_changes")


def check_rest(approved: Mapping[str, Any], rest: Mapping[str, Any], decision: Decision) -> None:
    """Raise PlanError unless *rest* is *approved* without the changes that are done; both from `show -json`."""
    with as_expected("a plan"):
        differing = _differing(_without_derived(approved), _without_derived(rest))
        expected = dict(_expected(key, entry.document, decision) for key, entry in entries(approved).items())
        left = {key: change for key, change in expected.items() if key not in decision.done}
        found = {key: entry.document for key, entry in entries(rest).items()}
        differing += [named(key) for key in _differing(left, found)]
    if differing:
        raise PlanError(UNPROVED, f"Terraform shows differences in: {', '.join(shortened(differing))}.")


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    """Return the names of the members that are not in both, or differ."""
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

"""The proof, by terraform's own reader: a new plan holds exactly the approved changes that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey
from tfretry.plan.done import Decision
from tfretry.plan.plan_json import entries

# What follows from the state and from the changes that are left.
DERIVED = ("prior_state", "planned_values", "resource_changes")


def check_rest(approved: Mapping[str, Any], rest: Mapping[str, Any], decision: Decision) -> None:
    """Raise PlanError unless `show -json` of the *rest* tells the *approved* plan without what is done."""
    if _without_derived(approved) != _without_derived(rest):
        names = sorted(name for name in {*approved, *rest} - {*DERIVED} if approved.get(name) != rest.get(name))
        raise PlanError(f"terraform reads the rest of the plan otherwise than the approved plan ({', '.join(names)})")
    expected = dict(_expected(key, entry.document, decision) for key, entry in entries(approved).items())
    expected = {key: change for key, change in expected.items() if key not in decision.done}
    found = {key: entry.document for key, entry in entries(rest).items()}
    if found != expected:
        addresses = sorted(key.address for key in {*found, *expected} if found.get(key) != expected.get(key))
        raise PlanError(
            "terraform reads the rest of the plan otherwise than the approved plan", *(f"{each}" for each in addresses)
        )


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

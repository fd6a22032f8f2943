"""The changes of a plan as values, read strictly: what is not understood raises ValueError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tfretry.approval.planned import ABSENT, Path, Planned, rendered

if TYPE_CHECKING:
    from collections.abc import Mapping

Actions = tuple[str, ...]
Key = tuple[str, str | None]  # address, deposed key

IDLE: Actions = ("no-op",)
READ: Actions = ("read",)
CREATE: Actions = ("create",)
UPDATE: Actions = ("update",)
DELETE: Actions = ("delete",)
FORGET: Actions = ("forget",)
DELETE_CREATE: Actions = ("delete", "create")
CREATE_DELETE: Actions = ("create", "delete")
CREATE_FORGET: Actions = ("create", "forget")

# terraform 1.15, internal/command/jsonplan: actions by mode. A mode or action beyond these is refused.
KNOWN_ACTIONS = {
    "managed": {IDLE, CREATE, UPDATE, DELETE, FORGET, DELETE_CREATE, CREATE_DELETE, CREATE_FORGET},
    "data": {IDLE, READ},
}
OUTPUT_ACTIONS = {IDLE, CREATE, UPDATE, DELETE}
# What the rules look at one by one, each in its own way; everything else must be equal (`Change.rest`).
JUDGED = frozenset({"actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive"}) | frozenset(
    {"replace_paths", "importing", "before_identity", "after_identity", "generated_config"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing that the new plan would do unapproved, or leave undone; never holds a value of the plan."""

    address: str
    approved: str
    now: str
    path: str | None = None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of `resource_changes`, or of `output_changes` (there without a mode)."""

    address: str
    deposed: str | None
    actions: Actions
    before: Any
    after: Planned
    reason: str | None
    moved_from: str | None
    raw: Mapping[str, Any]
    identity: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """What a change is known by."""
        return self.address, self.deposed

    @property
    def acts(self) -> bool:
        """Whether it does anything to an object or to terraform's record of it."""
        return self.actions not in (IDLE, READ)

    @property
    def rest(self) -> dict[str, Any]:
        """What no rule knows by name."""
        return {name: value for name, value in self.raw.items() if name not in JUDGED}

    @property
    def sensitive(self) -> tuple[Any, Any]:
        """The trees that mark what of `before` and of `after` must not be shown."""
        return self.raw.get("before_sensitive"), self.raw.get("after_sensitive")


def read_changes(plan: Mapping[str, Any]) -> dict[Key, Change]:
    """The entries of `resource_changes`; raises ValueError."""
    changes: dict[Key, Change] = {}
    entries = plan.get("resource_changes", [])
    _require(isinstance(entries, list), "its resource changes")
    for entry in entries:
        change = _read_resource(entry)
        _require(change.key not in changes, f"two changes of {change.address}")
        changes[change.key] = change
    return changes


def read_outputs(plan: Mapping[str, Any]) -> dict[str, Change]:
    """The entries of `output_changes` by name; raises ValueError."""
    entries = plan.get("output_changes", {})
    _require(isinstance(entries, dict), "its output changes")
    outputs = {name: _read_change(entry, {"address": f"output.{name}"}) for name, entry in entries.items()}
    for output in outputs.values():
        _require(output.actions in OUTPUT_ACTIONS, f"the actions of {output.address}")
    return outputs


def refusal(approved: Change | None, new: Change | None, why: str, path: Path = ()) -> Refusal:
    """What is wrong between two changes; one that is None is not there."""
    there = [change for change in (new, approved) if change is not None]
    deposed = f" (deposed object {there[0].deposed})" if there[0].deposed else ""
    return Refusal(
        address=there[0].address + deposed,
        approved=_words(approved),
        now=_words(new),
        path=rendered(path, [marks for change in there for marks in change.sensitive]),
        why=why,
    )


def _read_resource(entry: Any) -> Change:
    _require(isinstance(entry, dict) and isinstance(entry.get("address"), str), "a resource change")
    for name in ("deposed", "action_reason", "previous_address"):
        _require(isinstance(entry.get(name, ""), str), f"{name} of {entry['address']}")
    change = _read_change(entry.get("change"), entry)
    mode = entry.get("mode")
    _require(
        isinstance(mode, str) and change.actions in KNOWN_ACTIONS.get(mode, ()),
        f"the action on {change.address}",
    )
    return change


def _read_change(raw: Any, entry: Mapping[str, Any]) -> Change:
    address = entry["address"]
    _require(isinstance(raw, dict), f"the change of {address}")
    actions = raw.get("actions")
    _require(
        isinstance(actions, list) and all(isinstance(word, str) for word in actions),
        f"the actions of {address}",
    )
    after = Planned(value=raw.get("after", ABSENT), unknown=raw.get("after_unknown", False))
    _require(after.understood, f"after_unknown of {address}")
    return Change(
        address=address,
        deposed=entry.get("deposed"),
        actions=tuple(actions),
        before=raw.get("before", ABSENT),
        after=after,
        reason=entry.get("action_reason"),
        moved_from=entry.get("previous_address"),
        raw=raw,
        identity={
            k: v for k, v in entry.items() if k not in ("change", "deposed", "action_reason", "previous_address")
        },
    )


def _require(understood: bool, what: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not understood:
        raise ValueError(f"the plan is not understood: {what}")


def _words(change: Change | None) -> str:
    return "nothing" if change is None or not change.acts else " then ".join(change.actions)

"""Decide whether one approved change is done: a rule for each action, applied to the facts about its object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tfretry.plan.state import Instance, has_same_substance


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one change; *why* it is refused, or the *key* of the deposed object that is left to delete."""

    kind: Literal["done", "left", "deposed", "refused"]
    why: str = ""
    key: str = ""


DONE, LEFT = Verdict("done"), Verdict("left")
TAINTED = Verdict("refused", "is tainted: it was created, and a later step of its creation failed")
VANISHED = Verdict("refused", "was reported as complete, and is not in the state")
DISAPPEARED = Verdict("refused", "is gone, and terraform did not report that it destroyed it")
STILL_OLD = Verdict("refused", "was reported as replaced, and is the old object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts about one approved change and its object."""

    action: str
    was: Instance | None
    now: Instance | None
    new_deposed: Mapping[str, Instance]
    created: bool  # this and the next three as terraform reports them
    updated: bool
    deleted: bool = False
    destroy_provisioned: bool

    @property
    def is_as_before(self) -> bool:
        """Whether the object is unchanged."""
        return self.was is not None and has_same_substance(self.was, self.now) and not self.new_deposed

    @property
    def has_deleted(self) -> bool:
        """Whether the object that this change deletes is gone."""
        if self.action == "create, delete":
            return self.created and not self.new_deposed
        if self.action == "delete, create":
            return self.now is None or self.created
        return self.action == "delete" and self.now is None


def verdict_on(facts: Facts) -> Verdict:
    """Decide by the rule of the action, and refuse what no action allows."""
    if facts.now is not None and facts.now.get("status") == "tainted" and not facts.is_as_before:
        return TAINTED
    decided = RULES[facts.action](facts)
    if decided.kind in ("left", "deposed") and facts.now is not None and facts.destroy_provisioned:
        return Verdict("refused", "would run its destroy-time provisioner again")
    return decided


def _create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else VANISHED
    return LEFT if facts.now is None else _unreported("was created")


def _delete_create(facts: Facts) -> Verdict:
    if facts.created:
        if facts.now is None:
            return VANISHED
        return STILL_OLD if facts.is_as_before and not facts.deleted else DONE
    if facts.now is None:
        return LEFT if facts.deleted else DISAPPEARED
    return _left_as_before(facts)


def _create_delete(facts: Facts) -> Verdict:
    if not facts.created:
        return _left_as_before(facts)
    if facts.now is None:
        return VANISHED
    if not facts.new_deposed:
        return STILL_OLD if facts.is_as_before and not facts.deleted else DONE
    (key, old), *others = facts.new_deposed.items()
    if others or not has_same_substance(facts.was, old) or facts.action != "create, delete" or facts.deleted:
        return Verdict("refused", "was replaced, and the rest of the old object is not what was approved")
    return Verdict("deposed", key=key)


def _forget_create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else VANISHED
    return LEFT if facts.now is None else _left_as_before(facts)


def _update(facts: Facts) -> Verdict:
    if facts.updated:
        return DONE if facts.now is not None else VANISHED
    return DISAPPEARED if facts.now is None else _left_as_before(facts)


def _delete(facts: Facts) -> Verdict:
    if facts.now is None:
        return DONE if facts.deleted else DISAPPEARED
    return _left_as_before(facts)


def _forget(facts: Facts) -> Verdict:
    return DONE if facts.now is None else _left_as_before(facts)


def _read(facts: Facts) -> Verdict:
    """It is done if the apply has read it: other objects already use that value."""
    return LEFT if facts.now is None or facts.now == facts.was else DONE


RULES = {
    "create": _create,
    "read": _read,
    "update": _update,
    "delete": _delete,
    "delete, create": _delete_create,
    "create, delete": _create_delete,
    "create, forget": _create_delete,
    "forget": _forget,
    "forget, create": _forget_create,
}


def _left_as_before(facts: Facts) -> Verdict:
    if facts.is_as_before and not facts.deleted:
        return LEFT
    if facts.is_as_before:
        return Verdict("refused", "was reported as destroyed, and is still in the state")
    return _unreported("has changed")


def _unreported(what: str) -> Verdict:
    return Verdict("refused", f"{what}, and terraform did not report this change as complete")

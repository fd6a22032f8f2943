"""What has become of one approved change: a table of rules, by its action, over what is known of its object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tfretry.plan.state import Instance, has_same_substance


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of one change: *why* it is refused, *key* of the deposed object that is left to delete."""

    is_: Literal["done", "left", "deposed", "refused"]
    why: str = ""
    key: str = ""


DONE, LEFT = Verdict("done"), Verdict("left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one approved change and its object."""

    action: str
    was: Instance | None
    now: Instance | None
    new_deposed: Mapping[str, Instance]
    created: bool  # these four: as terraform reports
    updated: bool
    deleted: bool = False
    destroy_provisioned: bool

    @property
    def is_as_before(self) -> bool:
        """Whether nothing has happened to the object."""
        return self.was is not None and has_same_substance(self.was, self.now) and not self.new_deposed

    @property
    def has_deleted(self) -> bool:
        """Whether an object is gone that this change deletes."""
        if self.action == "create, delete":
            return self.created and not self.new_deposed
        if self.action == "delete, create":
            return self.now is None or self.created
        return self.action == "delete" and self.now is None


def verdict_on(facts: Facts) -> Verdict:
    """Decide by the rule of the action, and by what is refused whatever the action."""
    decided = RULES[facts.action](facts)
    if decided.is_ == "refused" or facts.now is None:
        return decided
    if facts.now.get("status") == "tainted" and not facts.is_as_before:
        return Verdict("refused", "is tainted: it was made, and what came with it failed")
    if decided.is_ != "done" and facts.destroy_provisioned:
        return Verdict("refused", "would run its destroy-time provisioner again")
    return decided


def _create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else _vanished()
    return LEFT if facts.now is None else _unreported("was made", facts)


def _delete_create(facts: Facts) -> Verdict:
    if facts.created:
        if facts.now is None:
            return _vanished()
        is_old = facts.is_as_before and not facts.deleted
        return Verdict("refused", "was reported as replaced, and is the old object") if is_old else DONE
    if facts.now is None:
        return LEFT if facts.deleted else _gone()
    return _left_as_before(facts)


def _create_delete(facts: Facts) -> Verdict:
    if not facts.created:
        return _left_as_before(facts)
    if facts.now is None:
        return _vanished()
    if not facts.new_deposed:
        is_old = facts.is_as_before and not facts.deleted
        return Verdict("refused", "was reported as replaced, and is the old object") if is_old else DONE
    (key, old), *others = facts.new_deposed.items()
    if others or not has_same_substance(facts.was, old) or facts.action != "create, delete" or facts.deleted:
        return Verdict("refused", "was replaced, and what is left of the old object is not what was approved")
    return Verdict("deposed", key=key)


def _forget_create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else _vanished()
    return LEFT if facts.now is None else _left_as_before(facts)


def _update(facts: Facts) -> Verdict:
    if facts.updated:
        return DONE if facts.now is not None else _vanished()
    return _gone() if facts.now is None else _left_as_before(facts)


def _delete(facts: Facts) -> Verdict:
    if facts.now is None:
        return DONE if facts.deleted else _gone()
    return _left_as_before(facts)


def _forget(facts: Facts) -> Verdict:
    return DONE if facts.now is None else _left_as_before(facts)


def _read(facts: Facts) -> Verdict:
    """What was read in the apply is not read again: everything else was made with its value."""
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
    return _unreported("has changed", facts)


def _vanished() -> Verdict:
    return Verdict("refused", "was reported as complete, and is not in the state")


def _gone() -> Verdict:
    return Verdict("refused", "is gone, and terraform did not report that it destroyed it")


def _unreported(what: str, facts: Facts) -> Verdict:
    if facts.now is not None and facts.now.get("status") == "tainted":
        return Verdict("refused", "is tainted: it was made, and what came with it failed")
    return Verdict("refused", f"{what}, and terraform did not report that it completed this")

"""What was approved, what is done of it, and what is planned now: the facts that the rules judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfretry.approval.changes import (
    CREATE,
    CREATE_DELETE,
    CREATE_FORGET,
    DELETE,
    DELETE_CREATE,
    FORGET,
    UPDATE,
    Change,
    Key,
)
from tfretry.output.progress import Completion

if TYPE_CHECKING:
    from collections.abc import Mapping

# The completion that ends each kind of change but a destruction. One that creates first goes on with the old object.
ENDS_WITH = {
    CREATE: "create",
    UPDATE: "update",
    DELETE_CREATE: "create",
    CREATE_DELETE: "create",
    CREATE_FORGET: "create",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """The changes of both plans by key, and what terraform reported as complete since the approval."""

    approved: Mapping[Key, Change]
    new: Mapping[Key, Change]
    done: frozenset[Completion]

    def is_reported(self, action: str, change: Change) -> bool:
        """Whether terraform reported *action* on the object of *change* as complete."""
        return _completion(action, change) in self.done

    def is_done(self, change: Change) -> bool:
        """Whether terraform said that this approved change is complete, but for an old object left deposed."""
        if change.actions == DELETE:
            return self.is_destroyed(change)
        return self.is_reported(ENDS_WITH.get(change.actions, ""), change)

    def is_destroyed(self, change: Change) -> bool:
        """Whether terraform said that it has destroyed the object that this approved change destroys."""
        return _completion("delete", change) in self._destroyed(change.address)

    def is_settled(self, change: Change) -> bool:
        """Whether nothing of this approved change is left to do."""
        if change.actions == FORGET:
            return change.key not in self.new  # terraform reports no forgetting: it just knows the object no more
        if change.actions == CREATE_DELETE and self.is_done(change):
            return self._destroys_one(change.address)
        return self.is_done(change)

    def twin(self, change: Change) -> Change | None:
        """The approved change that *change* of the new plan continues; None if there is none."""
        if change.key in self.approved:
            return self.approved[change.key]
        # A replacement that creates first: once the new object is there, the old one and only that is to go.
        whole = self.approved.get((change.address, None))
        begun = whole is not None and whole.actions == CREATE_DELETE and self.is_done(whole)
        return whole if begun and self._destroys_one(change.address) else None

    def _destroys_one(self, address: str) -> bool:
        """Whether one object, that of a replacement, is destroyed at *address* or is to be: neither none nor two."""
        deletes = [change for change in self.new.values() if change.actions == DELETE and change.address == address]
        objects = {change.deposed for change in deletes} | {each.deposed for each in self._destroyed(address)}
        return len({deposed for deposed in objects if deposed is None or (address, deposed) not in self.approved}) == 1

    def _destroyed(self, address: str) -> set[Completion]:
        """The destructions at *address* that terraform reported, as far as it can be told which they are.

        terraform 1.11 names a deposed object when it starts to destroy it, but not when that is complete.
        """
        told = {each for each in self.done if each.action == "delete" and each.address == address}
        approved = [each for each in self.approved.values() if each.address == address and "delete" in each.actions]
        nameless = Completion(action="delete", address=address, deposed=None)
        if nameless in told and len(approved) == 1:
            return {_completion("delete", approved[0])}
        return told - {nameless}


def _completion(action: str, change: Change) -> Completion:
    return Completion(action=action, address=change.address, deposed=change.deposed)

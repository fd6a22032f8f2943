"""The criteria for one change of the new plan: each names what of it was not approved, or answers None."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfretry.approval.changes import CREATE, DELETE, DELETE_CREATE, FORGET, Change, Refusal, refusal
from tfretry.approval.planned import Planned, difference, unrefined

if TYPE_CHECKING:
    from tfretry.approval.continuation import Continuation

Criterion = Callable[[Change, Change, "Continuation"], Refusal | None]

TAINTED = "replace_because_tainted"


def not_twice(approved: Change, new: Change, given: Continuation) -> Refusal | None:
    """What terraform reported as complete is not done again: a migration must not run twice."""
    again = any(given.is_reported(action, new) for action in new.actions)
    # The deposed rest of a replacement has a key of its own, and is done after the replacement's creation.
    if again or (given.is_done(approved) and approved.key == new.key):
        return refusal(approved, new, "is done already, and would be done a second time")
    return None


def not_tainted(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """An object that failed half-made is not replaced unseen: the approved plan knew nothing of it."""
    if new.reason == TAINTED and approved.reason != TAINTED:
        return refusal(approved, new, "was created but is tainted, and would be replaced")
    return None


def same_actions(approved: Change, new: Change, given: Continuation) -> Refusal | None:
    """The action is the approved one, or its second half after terraform reported the first."""
    destroyed = approved.actions == DELETE_CREATE and given.is_destroyed(approved)
    creates_only = destroyed and new.actions == CREATE
    destroys_only = approved.key != new.key and new.actions == DELETE  # the deposed old object (Continuation.twin)
    if new.actions == approved.actions or creates_only or destroys_only:
        return None
    return refusal(approved, new, "is another action than the approved one")


def same_object(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """The address means the same: resource type, index, provider and all that terraform may yet add."""
    place = difference({**approved.identity, **approved.rest}, {**new.identity, **new.rest})
    return None if place is None else refusal(approved, new, "is something else than was approved", place[:1])


def same_reason(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """The reason is the approved one: another betrays another question. The second half of a change needs none."""
    second_half = new.actions != approved.actions and new.reason is None
    if new.reason == approved.reason or second_half:
        return None
    return refusal(approved, new, "is planned for another reason")


def same_origin(approved: Change | None, new: Change, _given: Continuation) -> Refusal | None:
    """Nothing is moved or imported that the approved plan did not; what is done already is absent.

    This holds for changes without an action too: to move or import changes terraform's state.
    """
    origin = {} if approved is None else {**approved.raw, "previous_address": approved.moved_from}
    now = {**new.raw, "previous_address": new.moved_from}
    for name in ("previous_address", "importing", "generated_config"):
        if now.get(name) not in (None, origin.get(name)):
            return refusal(approved, new, "would be moved or imported otherwise", (name,))
    return None


def same_start(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """What is changed or destroyed is, as a whole, what the reviewer saw; what is created is not there yet.

    For an update too: a provider on SDKv2 saves an update that failed as if it were done (terraform-plugin-sdk
    #476), so that one that starts elsewhere may be the rest of one that never happened.
    """
    creates = new.actions == CREATE
    place = difference(None if creates else approved.before, new.before)
    if place is not None:
        return refusal(approved, new, "starts from something else than was approved", place)
    if not creates and new.raw.get("before_identity") != approved.raw.get("before_identity"):
        return refusal(approved, new, "would change another object", ("before_identity",))
    return None


def same_result(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """What will be there is what was approved; what was only known after apply may be anything."""
    gone = new.actions in (DELETE, FORGET)
    place = unrefined(Planned() if gone else approved.after, new.after)
    if place is not None:
        return refusal(approved, new, "would come out otherwise than approved", place)
    promised = None if gone else approved.raw.get("after_identity")
    now = new.raw.get("after_identity")
    if now != promised and (gone or promised is not None):  # a planned identity may come later, none may change
        return refusal(approved, new, "would become another object", ("after_identity",))
    return None


def same_replacement(approved: Change, new: Change, _given: Continuation) -> Refusal | None:
    """The replacement is forced by the attributes that the reviewer saw, or by fewer."""
    seen, now = approved.raw.get("replace_paths") or [], new.raw.get("replace_paths") or []
    if isinstance(now, list) and isinstance(seen, list) and all(path in seen for path in now):
        return None
    return refusal(approved, new, "would be replaced for another attribute", ("replace_paths",))


# In the order in which the reasons help most; the first that does not hold is told.
CRITERIA: tuple[Criterion, ...] = (
    not_twice,
    not_tainted,
    same_actions,
    same_object,
    same_reason,
    same_origin,
    same_start,
    same_result,
    same_replacement,
)

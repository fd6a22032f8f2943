"""The rule for the outputs of the root module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfretry.approval.changes import DELETE, Change, Refusal, refusal
from tfretry.approval.planned import unrefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def output_refusals(approved: Mapping[str, Change], new: Mapping[str, Change]) -> Iterator[Refusal]:
    """Each output that changes was approved to change, to that value, and is concealed if it was to be.

    terraform prints the outputs after an apply, and other configurations act on them. Where an output starts from
    does not matter, nor whether it is created or updated: an attempt may have set it already.
    """
    for name, change in new.items():
        if change.acts:
            found = _objection(approved.get(name), change)
            if found is not None:
                yield found


def _objection(approved: Change | None, new: Change) -> Refusal | None:
    if approved is None or not approved.acts:
        return refusal(approved, new, "was not approved to change")
    if (new.actions == DELETE) != (approved.actions == DELETE):
        return refusal(approved, new, "is another action than the approved one")
    if new.sensitive != approved.sensitive or new.rest != approved.rest:
        return refusal(approved, new, "is something else than was approved")
    place = unrefined(approved.after, new.after)
    return None if place is None else refusal(approved, new, "would come out otherwise than approved", place)

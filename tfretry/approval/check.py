"""The check that a new plan is within the approved one: it does nothing that was not approved, and nothing less.

Pure: two documents of `terraform show -json`, and what terraform reported as complete. What is not understood is
refused. In order: question.py and sources.py (is the same asked, of the same world), criteria.py for each change of the
new plan (is it approved), here whether anything is left undone, outputs.py.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tfretry.approval.changes import Refusal, read_changes, read_outputs, refusal
from tfretry.approval.continuation import Continuation
from tfretry.approval.criteria import CRITERIA, same_origin
from tfretry.approval.outputs import output_refusals
from tfretry.approval.question import question_refusals
from tfretry.approval.sources import source_refusals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tfretry.approval.changes import Change
    from tfretry.output.progress import Completion


def refusals(approved: Any, new: Any, finished: Collection[Completion]) -> list[Refusal]:
    """What the plan *new* would do beyond the plan *approved*, or leave undone of it; empty if it is within.

    Both as `plans.parse` returns them. *finished* holds the completions of all attempts since the approval.
    """
    try:
        asked = [*question_refusals(approved, new), *source_refusals(approved, new)]
        given = Continuation(
            approved=read_changes(approved),
            new=read_changes(new),
            done=frozenset(finished),
        )
        outputs = output_refusals(read_outputs(approved), read_outputs(new))
    except ValueError as error:
        return [Refusal(address="plan", approved="a plan", now="something else", why=str(error))]
    return list(chain(asked, _more(given), _less(given), outputs))


def _more(given: Continuation) -> Iterator[Refusal]:
    """Nothing more: each change that acts continues an approved one; a move or an import is a change too."""
    for change in given.new.values():
        found = _objection(given.twin(change), change, given)
        if found is not None:
            yield found


def _objection(approved: Change | None, new: Change, given: Continuation) -> Refusal | None:
    if not new.acts:
        return same_origin(approved, new, given)
    if approved is None:
        return refusal(None, new, "was not approved")
    return next((found for meets in CRITERIA if (found := meets(approved, new, given)) is not None), None)


def _less(given: Continuation) -> Iterator[Refusal]:
    """Nothing less: each approved change goes on, or terraform has reported that it is complete."""
    for change in given.approved.values():
        now = given.new.get(change.key)
        goes_on = now is not None and now.acts
        if change.acts and not goes_on and not given.is_settled(change):
            yield refusal(change, now, "would be left undone, or it cannot be told that it is done")

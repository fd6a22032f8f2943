"""What to give in `--plan-args` where the approved plan betrays an option that `show -json` does not tell."""

from __future__ import annotations

import shlex
from typing import Any

from tfretry.approval.changes import DELETE, Change, Key, read_changes
from tfretry.approval.question import is_partial


def hints(approved: Any, new: Any) -> list[str]:
    """Sentences for a refusal of *new*; none where nothing is betrayed. For two plans that could be read."""
    changes = read_changes(new)
    found = []
    if is_partial(approved) and not is_partial(new):
        found.append("The approved plan covers only a part: name its targets with --plan-args=-target=ADDRESS.")
    kept = [change for change in read_changes(approved).values() if _is_kept(change, changes)]
    if any(_destroys_what_is_configured(change) for change in kept):
        found.append("The approved plan destroys what is configured: say so with --plan-args=-destroy.")
    by_request = [f"-replace={change.address}" for change in kept if change.reason == "replace_by_request"]
    if by_request:
        found.append(f"The approved plan replaces by request: {shlex.join(['--plan-args', shlex.join(by_request)])}.")
    return found


def _is_kept(change: Change, new: dict[Key, Change]) -> bool:
    # What has been destroyed has no entry at all; what is kept, or created anew, has one.
    return change.key in new and new[change.key].actions != change.actions


def _destroys_what_is_configured(change: Change) -> bool:
    # Every other reason to destroy a current object has a name.
    return change.actions == DELETE and change.deposed is None and change.reason is None

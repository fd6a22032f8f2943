"""The rule for what works unseen: what a plan starts from without changing it, and that feeds a script or a provider.

No change of a plan shows a provisioner's command or where a provider sends its requests. terraform works them out in
the apply, from data that the plan has read and from objects that it leaves alone: where those are otherwise now, the
apply would run another script, or change another account, and nothing else would differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfretry.approval.changes import IDLE, Change, Key, Refusal, read_changes
from tfretry.approval.planned import ABSENT, difference, mark_at, rendered

# `show -json` tells of no `connection`, in which a provisioner that reaches out may refer to anything.
CONNECTION = "connection"
# What may stand for data without naming it. `var` is equal in both plans, but in a module it may be fed.
INDIRECT = ("local", "module", "each", "var", "ephemeral", CONNECTION)


def source_refusals(approved: Any, new: Any) -> list[Refusal]:
    """The data sources and the objects that feed a script or a provider and are otherwise now; raises ValueError.

    Sensitive attributes of data may differ: they are credentials, new with each reading, and say who asks, not where.
    """
    fed = {_name(reference) for reference in _fed(approved.get("configuration", {}))}
    if not fed:
        return []
    everything = any(name.partition(".")[0] in INDIRECT for name in fed)
    now, left = dict(_read(new)), _left_alone(new)
    found = []
    for address, source in _read(approved):
        if everything or f"data.{source.get('type')}.{source.get('name')}" in fed:
            found += _data_objections(address, source, now.get(address, {}))
    for key, change in _left_alone(approved).items():
        # What a plan does act on is judged as a change, and what is done of it has changed, of course.
        feeds = everything or f"{change.identity.get('type')}.{change.identity.get('name')}" in fed
        if feeds and key in left:
            found += _object_objections(change, left[key])
    return found


def _left_alone(plan: Any) -> dict[Key, Change]:
    """The objects that *plan* knows and does nothing to."""
    return {key: change for key, change in read_changes(plan).items() if change.actions == IDLE}


def _name(reference: str) -> str:
    """What is referred to as a whole: `data.x.d` for `data.x.d["a.b"].id`."""
    parts = reference.split(".")
    return ".".join(parts[: 3 if parts[0] == "data" else 2]).partition("[")[0]


def _object_objections(change: Change, now: Change) -> list[Refusal]:
    place = difference(change.before, now.before)
    if place is None:
        return []
    why, marks = "feeds a script or a provider, and is otherwise now", [*change.sensitive, *now.sensitive]
    return [_refusal(change.address, approved="as reviewed", path=rendered(place, marks), why=why)]


def _data_objections(address: str, source: Mapping[str, Any], now: Mapping[str, Any]) -> list[Refusal]:
    marks = [each.get("sensitive_values") for each in (source, now)]
    place = difference(*(_open(each.get("values", ABSENT), marks) for each in (source, now)))
    if place is None:
        return []
    why = "feeds a script or a provider, and reads otherwise now"
    return [_refusal(address, approved="as read", path=rendered(place, marks), why=why)]


def _refusal(address: str, *, approved: str, path: str | None, why: str) -> Refusal:
    return Refusal(address=address, approved=approved, now="different", path=path, why=why)


def _open(value: Any, marks: list[Any]) -> Any:
    """*value* without what either reading marks as sensitive."""
    if any(mark is True for mark in marks):
        return None
    if isinstance(value, dict):
        return {key: _open(each, [mark_at(mark, key) for mark in marks]) for key, each in value.items()}
    if isinstance(value, list):
        return [_open(each, [mark_at(mark, n) for mark in marks]) for n, each in enumerate(value)]
    return value


def _fed(configuration: Any, *, inside: bool = False) -> Iterator[str]:
    """What the expressions of all providers and provisioners refer to."""
    if isinstance(configuration, list):
        for each in configuration:
            yield from [each] if inside and isinstance(each, str) else _fed(each, inside=inside)
    if isinstance(configuration, dict):
        for key, each in configuration.items():
            yield from _fed(each, inside=inside or key in ("provider_config", "provisioners"))
            if key == "provisioners" and not _are_local(each):
                yield CONNECTION


def _are_local(provisioners: Any) -> bool:
    """Whether all of them run here: every other type needs a connection."""
    return isinstance(provisioners, list) and all(
        isinstance(each, dict) and each.get("type") == "local-exec" for each in provisioners
    )


def _read(plan: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Address and entry of each data source that *plan* has read; raises ValueError."""
    modules = [_member(_member(_member(plan, "prior_state", {}), "values", {}), "root_module", {})]
    while modules:
        module = modules.pop()
        modules += _member(module, "child_modules", [])
        for each in _member(module, "resources", []):
            if _member(each, "mode", "") == "data":
                yield _member(each, "address", ""), each


def _member(value: Any, name: str, default: Any) -> Any:
    found = value.get(name, default) if isinstance(value, dict) else None
    if type(found) is not type(default):
        raise ValueError("the plan is not understood: what it has read")
    return found

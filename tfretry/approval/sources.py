"""The rule for what works unseen: what feeds a script, a provider or a write-only argument without being changed.

No change of a plan shows a provisioner's command, where a provider sends its requests, or a write-only argument (null
in every plan, since terraform 1.11). terraform works them out in the apply, from data that the plan has read and from
objects that it leaves alone: where those are otherwise now, the apply would run another script, or change another
account, and nothing else would differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tfretry.approval.changes import IDLE, Change, Key, Refusal, read_changes
from tfretry.approval.planned import ABSENT, Planned, difference, mark_at, rendered, unrefined

# `show -json` tells of no `connection`, in which a provisioner that reaches out may refer to anything.
CONNECTION = "connection"
# What may stand for data without naming it. `var` is equal in both plans, but in a module it may be fed.
INDIRECT = ("local", "module", "each", "var", "ephemeral", CONNECTION)


def source_refusals(approved: Any, new: Any) -> list[Refusal]:
    """The data sources and the objects that feed what works unseen, and are otherwise now; raises ValueError.

    Sensitive attributes of data that feed a provider may differ: they are credentials, new with each reading, and say
    who asks, not where.
    """
    configuration, changes = approved.get("configuration", {}), read_changes(approved)
    scripts = _Fed(_references(configuration, ("provisioners",)))
    hidden = _Fed(_references_of_nulls(configuration, _nulls(changes)))
    providers = _Fed(_references(configuration, ("provider_config",)))
    if not (scripts or hidden or providers):
        return []
    now, left = dict(_read(new)), _left_alone(new)
    found = []
    for address, source in _read(approved):
        name = f"data.{_kind(source)}"
        if scripts.may_hold(name) or hidden.names(name):
            found += _data_objections(address, source, now.get(address, {}))
        elif providers.may_hold(name) or hidden.may_hold(name):
            found += _data_objections(address, source, now.get(address, {}), secrets=False)
    for key, change in changes.items():
        # What the new plan acts on is judged as a change; what is left alone in it is as it was, or as was approved.
        name = _kind(change.identity)
        if key in left and any(each.may_hold(name) for each in (scripts, hidden, providers)):
            found += _object_objections(change, left[key])
    return found


class _Fed:
    """What some expressions refer to, each as a whole."""

    def __init__(self, references: Iterator[str]) -> None:
        self._names = {_name(reference) for reference in references}
        self._indirect = any(name.partition(".")[0] in INDIRECT for name in self._names)

    def __bool__(self) -> bool:
        return bool(self._names)

    def names(self, name: str) -> bool:
        return name in self._names

    def may_hold(self, name: str) -> bool:
        return self._indirect or name in self._names


def _left_alone(plan: Any) -> dict[Key, Change]:
    """The objects that *plan* knows and does nothing to."""
    return {key: change for key, change in read_changes(plan).items() if change.actions == IDLE}


def _kind(entry: Mapping[str, Any]) -> str:
    """Type and name of the resource that *entry* is one of, or configures: how expressions refer to it."""
    return f"{entry.get('type')}.{entry.get('name')}"


def _name(reference: str) -> str:
    """What is referred to as a whole: `data.x.d` for `data.x.d["a.b"].id`."""
    parts = reference.split(".")
    return ".".join(parts[: 3 if parts[0] == "data" else 2]).partition("[")[0]


def _object_objections(change: Change, now: Change) -> list[Refusal]:
    place = unrefined(change.after, Planned(value=now.before))
    if place is None:
        return []
    path = rendered(place, [*change.sensitive, *now.sensitive])
    why = "feeds a script, a provider or a write-only argument, and is otherwise now"
    return [_refusal(change.address, approved="as reviewed", path=path, why=why)]


def _data_objections(
    address: str, source: Mapping[str, Any], now: Mapping[str, Any], *, secrets: bool = True
) -> list[Refusal]:
    marks = [each.get("sensitive_values") for each in (source, now)]
    values = [each.get("values", ABSENT) for each in (source, now)]
    place = difference(*(values if secrets else [_open(each, marks) for each in values]))
    if place is None:
        return []
    why = "feeds a script, a provider or a write-only argument, and reads otherwise now"
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


def _references(configuration: Any, keys: Collection[str], *, inside: bool = False) -> Iterator[str]:
    """What the expressions under any of *keys* refer to."""
    if isinstance(configuration, list):
        for each in configuration:
            yield from [each] if inside and isinstance(each, str) else _references(each, keys, inside=inside)
    if isinstance(configuration, dict):
        for key, each in configuration.items():
            yield from _references(each, keys, inside=inside or key in keys)
            if key == "provisioners" and key in keys and not _are_local(each):
                yield CONNECTION


def _references_of_nulls(configuration: Any, nulls: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What the arguments refer to that are null in a change: they may be write-only, which no plan tells."""
    if isinstance(configuration, dict):
        yield from _references(configuration.get("expressions"), nulls.get(_kind(configuration), ()))
    if isinstance(configuration, dict | list):
        for each in configuration.values() if isinstance(configuration, dict) else configuration:
            yield from _references_of_nulls(each, nulls)


def _nulls(changes: Mapping[Key, Change]) -> dict[str, set[str]]:
    """The names of the attributes, at any depth, that a change leaves null, by type and name of what it changes."""
    found: dict[str, set[str]] = {}
    for change in changes.values():
        if change.acts:
            found.setdefault(_kind(change.identity), set()).update(_null_names(change.after))
    return found


def _null_names(planned: Planned) -> Iterator[str]:
    if isinstance(planned.value, dict | list):
        for step in planned.steps:
            child = planned.child(step)
            if child.value is None and child.unknown is not True and isinstance(step, str):
                yield step
            yield from _null_names(child)


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

"""The rule for what works unseen: data that a plan has read, and that feeds a script or a provider.

No change of a plan shows a provisioner's command or where a provider sends its requests. terraform works them out in
the apply, from what the plan has read: a data source that reads otherwise now would run another script, or change
another account, and nothing else would differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfretry.changes import Refusal
from tfretry.planned import ABSENT, difference, mark_at, rendered

# What may stand for data without naming it. `var` is equal in both plans, but in a module it may be fed.
INDIRECT = ("local", "module", "each", "var")


def source_refusals(approved: Any, new: Any) -> list[Refusal]:
    """The data sources that feed a script or a provider and read otherwise now.

    Sensitive attributes may differ: they are credentials, new with each reading, and say who asks, not where.
    """
    fed = set(_fed(approved.get("configuration", {})))
    if not fed:
        return []
    everything = any(reference.partition(".")[0] in INDIRECT for reference in fed)
    now = dict(_read(new))
    found = []
    for address, source in _read(approved):
        name = f"data.{source.get('type')}.{source.get('name')}"
        if everything or any(f"{reference}.".startswith((f"{name}.", f"{name}[")) for reference in fed):
            found += _objections(address, source, now.get(address, {}))
    return found


def _objections(address: str, source: Mapping[str, Any], now: Mapping[str, Any]) -> list[Refusal]:
    marks = [each.get("sensitive_values") for each in (source, now)]
    place = difference(*(_open(each.get("values", ABSENT), marks) for each in (source, now)))
    if place is None:
        return []
    why = "feeds a script or a provider, and reads otherwise now"
    return [Refusal(address=address, approved="as read", now="different", path=rendered(place, marks), why=why)]


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

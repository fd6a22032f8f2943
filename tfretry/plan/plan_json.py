"""Terraform's JSON documents: the output of `show -json` for a plan, and the changes in it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey


class Number(str):
    """A JSON number as it is written: equal only to the same digits, never to a string or a boolean."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class ObjectKey(NamedTuple):
    """The key of a resource instance in plans and in states; so no address has to be parsed."""

    module: str
    mode: str
    type: str
    name: str
    index_key: str | None  # a string for `for_each`, a Number for `count`


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change in the output of `show -json`; *action* is its list of actions, joined."""

    action: str
    object: ObjectKey
    document: Mapping[str, Any]
    import_id: Any = None


def parse(text: bytes) -> Any:
    """Return the value of a JSON document, with each number as a Number.

    Raises PlanError. Its sentence quotes nothing, since a plan holds secrets.
    """
    try:
        return json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        raise PlanError("terraform's answer cannot be read: it is not the JSON that was expected") from None


def entries(document: Mapping[str, Any]) -> dict[ChangeKey, Entry]:
    """Return the changes in the output of `show -json`, by key; raises PlanError."""
    with as_expected("a plan"):
        pairs = [(_change_key(each), _entry(each)) for each in document.get("resource_changes") or ()]
        found = dict(pairs)
    if len(found) < len(pairs):
        raise PlanError("terraform lists two changes of one object")
    return found


def addresses(document: Mapping[str, Any]) -> dict[str, ObjectKey]:
    """Return the keys of the objects in the state that the plan was made on, by address; raises PlanError."""
    with as_expected("a plan"):
        state = document.get("prior_state", {}).get("values", {}).get("root_module", {})
        return {each["address"]: _object_key(each, module) for module, each in _resources(state, "")}


def has_ephemeral_resources(document: Mapping[str, Any]) -> bool:
    """Whether the configuration of the plan has ephemeral resources; raises PlanError."""
    with as_expected("a plan"):
        modules = [document.get("configuration", {}).get("root_module", {})]
        for module in modules:
            if any(each.get("mode") == "ephemeral" for each in module.get("resources", ())):
                return True
            modules += [call.get("module", {}) for call in module.get("module_calls", {}).values()]
    return False


@contextlib.contextmanager
def as_expected(what: str) -> Iterator[None]:
    """Raise PlanError if a document is not *what* it should be, such as "a plan"."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(f"terraform's answer cannot be read: it is not {what}") from error


def _resources(module: Mapping[str, Any], address: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for each in module.get("resources", ()):
        yield address, each
    for child in module.get("child_modules", ()):
        yield from _resources(child, child["address"])


def _change_key(change: Mapping[str, Any]) -> ChangeKey:
    return ChangeKey(change["address"], change.get("deposed", ""))


def _entry(change: Mapping[str, Any]) -> Entry:
    return Entry(
        action=", ".join(change["change"]["actions"]),
        object=_object_key(change, change.get("module_address", "")),
        document=change,
        import_id=change["change"].get("importing", {}).get("id"),
    )


def _object_key(each: Mapping[str, Any], module: str) -> ObjectKey:
    key = ObjectKey(module, each["mode"], each["type"], each["name"], each.get("index"))
    if not all(isinstance(part, str) for part in (*key[:4], key.index_key or "")):
        raise TypeError(key)
    return key


def _refuse_constant(_name: str) -> Any:
    raise ValueError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    # Of two members of one name each reader chooses its own: the reviewer may have seen another one than we do.
    if len(members) < len(pairs):
        raise ValueError
    return members

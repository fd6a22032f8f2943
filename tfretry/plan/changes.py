"""The changes in a plan file: read from its protocol buffer, and written back without those that are done.

The format is terraform's internal/plans/planproto/planfile.proto, format version 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tfretry.errors import DAMAGED_PLAN, PlanError
from tfretry.plan.protobuf import Field, encode, fields

FORMAT_VERSION = 3
# Fields of the message Plan.
VERSION, CHANGES, DEFERRED, ACTION_INVOCATIONS, DEFERRED_ACTION_INVOCATIONS = 1, 3, 27, 30, 31
# The fields of terraform 1.1 to 1.17 and OpenTofu 1.6 to 1.13 that are right in the rest of a plan, too. Any other
# field might have an effect.
KNOWN = frozenset({*range(1, 7), *range(13, 23), *range(25, 32)})
UNTELLABLE = {
    DEFERRED: "it holds deferred changes",
    ACTION_INVOCATIONS: "it invokes actions, and terraform does not report whether an action has run",
    DEFERRED_ACTION_INVOCATIONS: "it holds deferred actions",
}
# Fields of the message ResourceInstanceChange.
DEPOSED, PROVIDER, CHANGE, PRIVATE, ADDRESS = 7, 8, 9, 10, 13
# Fields of the message Change.
ACTION, VALUES, BEFORE_SENSITIVE = 1, 2, 3
ACTION_NAMES = {
    0: "no-op",
    1: "create",
    2: "read",
    3: "update",
    5: "delete",
    6: "delete, create",
    7: "create, delete",
    8: "forget",
    9: "create, forget",
    10: "forget, create",  # OpenTofu alone
}
DELETE = 5


class ChangeKey(NamedTuple):
    """A change of a plan: the address of the resource instance, and the key of the deposed object, else empty."""

    address: str
    deposed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChanges:
    """The message of a plan file: its fields, and its changes and their actions by key."""

    fields: tuple[Field, ...]
    changes: Mapping[ChangeKey, Field]
    actions: Mapping[ChangeKey, str]


def read_changes(message: bytes) -> PlannedChanges:
    """Read the member `tfplan`; raises PlanError for one that cannot be continued."""
    found = tuple(fields(message))
    if [field.value for field in found if field.number == VERSION] != [FORMAT_VERSION]:
        raise PlanError("the plan file has a format that tfretry does not know")
    numbers = {field.number for field in found}
    if unknown := sorted(numbers - KNOWN):
        raise PlanError(f"the plan file has a field that tfretry does not know ({unknown[0]})")
    if why := next((why for number, why in UNTELLABLE.items() if number in numbers), None):
        raise PlanError(f"the plan cannot be continued: {why}")
    changes = [field for field in found if field.number == CHANGES]
    keys = [_key(field) for field in changes]
    if len(set(keys)) < len(keys):
        raise PlanError("the plan file has two changes of one object")
    return PlannedChanges(
        fields=found,
        changes=dict(zip(keys, changes, strict=True)),
        actions={key: _action(field) for key, field in zip(keys, changes, strict=True)},
    )


def without(plan: PlannedChanges, done: Collection[ChangeKey], deposed: Mapping[ChangeKey, str]) -> bytes:
    """Return the message without the changes that are *done*.

    A replacement in *deposed* becomes the deletion of its old object, which has this deposed key.
    """
    replaced = {plan.changes[key].raw: b"" for key in done}
    replaced |= {plan.changes[key].raw: _deletion(plan.changes[key], by) for key, by in deposed.items()}
    # The bytes of a field begin with its number: no other field can equal those of a change.
    return b"".join(replaced.get(field.raw, field.raw) for field in plan.fields)


def _deletion(change: Field, deposed: str) -> bytes:
    """Return the deletion of the old object of a replacement, as terraform plans it for a deposed object."""
    parts = _message(change)
    values = _message(next((part for part in parts if part.number == CHANGE), None))
    before = next((part.raw for part in values if part.number == VALUES), b"")
    sensitive = b"".join(part.raw for part in values if part.number == BEFORE_SENSITIVE)
    kept = b"".join(part.raw for part in parts if part.number in (ADDRESS, PROVIDER, PRIVATE))
    inner = encode(ACTION, DELETE) + before + sensitive
    return encode(CHANGES, kept + encode(DEPOSED, deposed.encode()) + encode(CHANGE, inner))


def _key(change: Field) -> ChangeKey:
    parts = _message(change)
    address = _text(_first(parts, ADDRESS))
    if not address:
        raise PlanError("the plan file is of a terraform before 1.1")
    return ChangeKey(address, _text(_first(parts, DEPOSED)))


def _action(change: Field) -> str:
    inner = _message(next((part for part in _message(change) if part.number == CHANGE), None))
    number = _first(inner, ACTION) or 0
    if not isinstance(number, int) or number not in ACTION_NAMES:
        raise PlanError(f"the plan file has an action that tfretry does not know ({number!r})")
    return ACTION_NAMES[number]


def _message(field: Field | None) -> tuple[Field, ...]:
    if field is None:
        return ()
    if not isinstance(field.value, bytes):
        raise PlanError(DAMAGED_PLAN)
    return tuple(fields(field.value))


def _first(parts: tuple[Field, ...], number: int) -> int | bytes | None:
    return next((part.value for part in parts if part.number == number), None)


def _text(value: int | bytes | None) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else ""
    except UnicodeDecodeError as error:
        raise PlanError(DAMAGED_PLAN) from error

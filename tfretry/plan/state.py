"""A state as `terraform state pull` prints it, normalised so that equal states compare equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfretry.errors import PlanError
from tfretry.plan.plan_json import Number, ObjectKey, as_expected, parse

FORMAT_VERSION = Number("4")
# Lists that terraform writes in any order.
UNORDERED = ("sensitive_attributes", "dependencies")
# An operation on an object changes these; terraform rewrites the other members after a failed operation, too.
SUBSTANCE = ("attributes", "attributes_flat", "status")
NO_STATE = b'{"version":4,"serial":0,"lineage":"","outputs":{},"resources":[]}'  # an empty answer means this

Instance = Mapping[str, Any]
InstanceKey = tuple[ObjectKey, str]  # the second is the key of a deposed object, empty for the current one


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One state; *text* is the document as terraform wrote it."""

    text: bytes
    lineage: str
    serial: int
    objects: Mapping[InstanceKey, Instance]
    rest: Mapping[str, Any]  # the other members, without the check results, which have a random order

    def says_the_same_as(self, other: State) -> bool:
        """Whether no run has changed the state between the two."""
        return self.rest == other.rest and self.objects == other.objects


def read_state(text: bytes) -> State:
    """Read a state document, or an empty answer; raises PlanError."""
    text = text.strip() or NO_STATE
    document = parse(text)
    with as_expected("a state"):
        if document["version"] != FORMAT_VERSION:
            raise PlanError("the state has a format that tfretry does not know")
        pairs = [_pair(resource, each) for resource in document["resources"] or () for each in resource["instances"]]
        rest = {name: value for name, value in document.items() if name not in ("resources", "check_results")}
        serial, lineage = document["serial"], document["lineage"]
        if type(lineage) is not str or type(serial) is not Number or not serial.isdecimal():
            raise TypeError
        objects = dict(pairs)
    if len(objects) < len(pairs):
        raise PlanError("the state has one object twice")
    return State(text=text, lineage=lineage, serial=int(serial), objects=objects, rest=rest)


def has_same_substance(one: Instance | None, other: Instance | None) -> bool:
    """Whether an object is unchanged, as after an operation that failed or has not begun."""
    if one is None or other is None:
        return one is other
    return all(one.get(name) == other.get(name) for name in SUBSTANCE)


def _pair(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> tuple[InstanceKey, Instance]:
    key = ObjectKey(
        resource.get("module", ""), resource["mode"], resource["type"], resource["name"], instance.get("index_key")
    )
    members = {**instance, "provider": resource["provider"]}
    for name in UNORDERED:
        if isinstance(members.get(name), list):
            members[name] = sorted(members[name], key=json.dumps)
    return (key, instance.get("deposed", "")), members

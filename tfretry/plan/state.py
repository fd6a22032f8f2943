"""A state as `terraform state pull` prints it: its objects, in a form in which equal states are equal."""

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
# What an operation on an object changes; terraform rewrites the other members when an operation fails, too.
SUBSTANCE = ("attributes", "attributes_flat", "status")
NO_STATE = b'{"version":4,"serial":0,"lineage":"","outputs":{},"resources":[]}'  # what an empty answer stands for

Instance = Mapping[str, Any]
InstanceKey = tuple[ObjectKey, str]  # the second is the key of a deposed object, empty for the current one


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One state; *text* is the document as terraform wrote it."""

    text: bytes
    lineage: str
    serial: int
    objects: Mapping[InstanceKey, Instance]
    rest: Mapping[str, Any]  # all else of the document but the check results, which come in random order

    def says_the_same_as(self, other: State) -> bool:
        """Whether nobody has worked between the two."""
        return self.rest == other.rest and self.objects == other.objects


def read_state(text: bytes) -> State:
    """Read a state document, or an empty answer; raises PlanError."""
    text = text.strip() or NO_STATE
    document = parse(text)
    with as_expected("a state"):
        if document["version"] != FORMAT_VERSION:
            raise PlanError("the state is of a format that tfretry does not know")
        pairs = [_pair(resource, each) for resource in document["resources"] or () for each in resource["instances"]]
        rest = {name: value for name, value in document.items() if name not in ("resources", "check_results")}
        serial, lineage = document["serial"], document["lineage"]
        if (
            not isinstance(serial, Number)
            or not serial.isdecimal()
            or not isinstance(lineage, str)
            or isinstance(lineage, Number)
        ):
            raise TypeError
        objects = dict(pairs)
    if len(objects) < len(pairs):
        raise PlanError("the state tells one object twice")
    return State(text=text, lineage=lineage, serial=int(serial), objects=objects, rest=rest)


def has_same_substance(one: Instance | None, other: Instance | None) -> bool:
    """Whether an object is as it was before an operation on it that failed, or was not begun."""
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

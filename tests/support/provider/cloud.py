"""A cloud for tests: a directory in which the provider keeps its objects, and that tests look into and change.

calls           one JSON line for each call of the provider: when, which verb, which object's name
objects/ID      an object, as JSON
facts/NAME      the value of a data source
faults/VERB NAME  what makes that call fail, as JSON
gate            while it is missing, calls with a fault fail
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from aws_errors import ACCESS_DENIED, SENTENCE

_AWS = (
    "creating ECS Service ({name}): operation error ECS: CreateService, https response error StatusCode: 400, "
    "RequestID: {request}, "
)
ROLE_ANSWER = f"{_AWS}InvalidParameterException: {SENTENCE}"
DENIED_ANSWER = f"{_AWS}{ACCESS_DENIED}"
EVERY = "*"  # the name of a fault that all objects have


class Call(NamedTuple):
    """A call of the provider: `create`, `read`, `update`, `delete`, `fact`, or `failed` and one of them."""

    verb: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a call fails, and until when: the gate, so many failed calls, or so many seconds after the first one.

    A create that *leaves* its object makes it and fails all the same: terraform calls it tainted. An update that
    *postpones* its work succeeds, and the object stays as it was for now (RDS and its maintenance window). The error is
    the summary of the diagnostic, or, if *wrapped*, its detail.
    """

    error: str = ROLE_ANSWER
    gate: bool = True
    attempts: int | None = None
    seconds: float | None = None
    leaves: bool = False
    postpones: bool = False
    wrapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The directory, and its operations for tests and provider."""

    root: Path

    def prepare(self) -> None:
        """Make the directory."""
        for part in ("objects", "facts", "faults"):
            (self.root / part).mkdir(parents=True, exist_ok=True)

    def log(self, verb: str, name: str) -> None:
        """Note a call, in one write: there are many at once."""
        line = json.dumps({"at": time.time(), "verb": verb, "name": name})
        fd = os.open(self.root / "calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(fd, f"{line}\n".encode())
        os.close(fd)

    def log_lines(self) -> list[dict[str, Any]]:
        """All calls so far, with their time."""
        log = self.root / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def put(self, object_id: str, values: dict[str, Any]) -> None:
        """Store an object, whole or not at all."""
        place = self._path("objects", object_id)
        fresh = place.with_name(f".{place.name}.{os.urandom(4).hex()}")
        fresh.write_text(json.dumps(values))
        fresh.replace(place)

    def get(self, object_id: str) -> dict[str, Any] | None:
        """The object as it is now, None if there is none."""
        place = self._path("objects", object_id)
        return json.loads(place.read_text()) if place.exists() else None

    def remove(self, object_id: str) -> None:
        """Delete an object, which may be gone already."""
        self._path("objects", object_id).unlink(missing_ok=True)

    def objects(self) -> list[dict[str, Any]]:
        """All objects there are."""
        return [json.loads(each.read_text()) for each in sorted((self.root / "objects").glob("[!.]*"))]

    def set_fact(self, name: str, value: str) -> None:
        """Give a data source its value."""
        self._path("facts", name).write_text(value)

    def fact(self, name: str) -> str:
        """The value of a data source; empty if it was never set."""
        place = self._path("facts", name)
        return place.read_text() if place.exists() else ""

    def set_fault(self, verb: str, name: str, fault: Fault | None) -> None:
        """Make calls fail, or let them succeed again."""
        place = self._path("faults", f"{verb} {name}")
        if fault is None:
            place.unlink(missing_ok=True)
        else:
            place.write_text(json.dumps(asdict(fault)))

    def fault(self, verb: str, name: str) -> Fault | None:
        """The fault that makes this call fail now, if there is one."""
        places = [self._path("faults", f"{verb} {of}") for of in (name, EVERY)]
        found = next((Fault(**json.loads(place.read_text())) for place in places if place.exists()), None)
        return None if found is None or self._is_over(found, verb, name) else found

    def open_gate(self) -> None:
        """From now on the role can be assumed."""
        (self.root / "gate").touch()

    def _is_over(self, fault: Fault, verb: str, name: str) -> bool:
        if fault.gate and (self.root / "gate").exists():
            return True
        if fault.attempts is None and fault.seconds is None:
            return False
        failed = [each["at"] for each in self.log_lines() if (each["verb"], each["name"]) == (f"failed {verb}", name)]
        if fault.attempts is not None and len(failed) >= fault.attempts:
            return True
        return fault.seconds is not None and bool(failed) and time.time() - failed[0] >= fault.seconds

    def _path(self, part: str, name: str) -> Path:
        return self.root / part / quote(name, safe=" *")

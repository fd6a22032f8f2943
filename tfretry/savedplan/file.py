"""What a plan file tells that `show -json` does not: the configuration as text, targets, mode, workspace.

A plan file is a zip archive; its member `tfplan` is a protocol buffer (terraform, internal/plans/planproto). The format
is terraform's own affair: what is read here can only add refusals.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfretry.approval.changes import Refusal
from tfretry.savedplan.protobuf import Field, fields

if TYPE_CHECKING:
    from collections.abc import Iterable

# Fields of the message Plan. Those that tell changes are in the JSON and judged there; these tell the question.
VERSION, TARGETS, MODE, LATER_VARIABLES = 1, 5, 17, 28
# variables, changes, outputs, relevant attributes, replacements by request, drift, checks, errored, timestamp,
# results of functions, applyable, complete, deferred changes and actions, actions: judged in the JSON, or free there.
TOLD_IN_JSON = frozenset({2, 3, 4, 15, 16, 18, 19, 20, 21, 22, 25, 26, 27, 30, 31})
NAMES = {13: "workspace and backend", 14: "terraform_version", 29: "state store", 32: "actions asked for"}
KNOWN_VERSION = 3
MODES = {0: "normal", 1: "destroy", 2: "refresh-only"}
BOOKMARK = b"remote_plan_format"
UNREADABLE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """The question that a plan file answers; *digests* of its configuration, lock file and other fields by name."""

    mode: str
    targets: frozenset[str]
    digests: dict[str, str]


def read_plan_file(path: str) -> PlanFile:
    """The plan file at *path*; raises OSError, and ValueError with a sentence for one that cannot be continued."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except UNREADABLE as error:
        with open(path, "rb") as file:
            remote = BOOKMARK in file.read(4096)
        why = "is the bookmark of a remote one" if remote else "cannot be read"
        raise ValueError(f"the plan file {why}") from error


def file_refusals(approved: PlanFile, new: PlanFile) -> list[Refusal]:
    """Where *new* answers another question; its configuration is compared byte for byte, locals and all."""
    found = [
        Refusal(address=name, approved="as reviewed", now="different", why="has changed since the approval")
        for name in sorted({*approved.digests, *new.digests})
        if approved.digests.get(name) != new.digests.get(name)
    ]
    if approved.mode != new.mode:
        found.append(Refusal(address="mode", approved=approved.mode, now=new.mode, why="is another kind of plan"))
    return [*found, *(_target_refusal(address, approved) for address in sorted(approved.targets ^ new.targets))]


def _target_refusal(address: str, approved: PlanFile) -> Refusal:
    words = ("a target", "no target") if address in approved.targets else ("no target", "a target")
    return Refusal(address=address, approved=words[0], now=words[1], why="is not asked for as in the approved plan")


def _read(archive: zipfile.ZipFile) -> PlanFile:
    names = [member.filename for member in archive.infolist()]
    # Of two members of one name, terraform might read the other.
    if len(set(names)) < len(names):
        raise ValueError("the plan file cannot be read")
    message = list(fields(archive.read("tfplan")))
    if _numbers(message, VERSION) != [KNOWN_VERSION]:
        raise ValueError("the plan file has a version that is not known")
    if _texts(message, LATER_VARIABLES):
        raise ValueError("the plan has ephemeral variables, whose values no plan holds")
    mode = MODES.get((_numbers(message, MODE) or [0])[-1])
    if mode is None:
        raise ValueError("the plan file has a mode that is not known")
    return PlanFile(
        mode=mode,
        targets=_texts(message, TARGETS),
        digests=_members(archive, names) | _other_fields(message),
    )


def _members(archive: zipfile.ZipFile, names: list[str]) -> dict[str, str]:
    wanted = [name for name in names if name.startswith("tfconfig/") or name == ".terraform.lock.hcl"]
    return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in wanted}


def _other_fields(message: list[Field]) -> dict[str, str]:
    """Workspace and backend (13, 29), and whatever terraform may add: equal, or refused."""
    known = TOLD_IN_JSON | {VERSION, TARGETS, MODE}
    others = sorted({number for number, _ in message} - known)
    return {NAMES.get(n, f"field {n} of the plan file"): _digest(v for m, v in message if m == n) for n in others}


def _digest(values: Iterable[int | bytes]) -> str:
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()


def _numbers(message: list[Field], number: int) -> list[int]:
    return [value for n, value in message if n == number and isinstance(value, int)]


def _texts(message: list[Field], number: int) -> frozenset[str]:
    return frozenset(value.decode() for n, value in message if n == number and isinstance(value, bytes))

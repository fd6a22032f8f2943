"""A plan file as an archive: read its members, and write them with another plan and another state."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from tfretry.errors import DAMAGED_PLAN, PlanError

# Members of a plan file (terraform's internal/plans/planfile/writer.go).
PLAN, STATE, PREVIOUS_STATE = "tfplan", "tfstate", "tfstate-prev"
# A key of the JSON object in the file of a plan of HCP Terraform (internal/cloud/cloudplan/saved_plan.go).
REMOTE_PLAN, REMOTE_PLAN_WITHIN = b'"remote_plan_format"', 4096  # bytes
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # terraform's own reader knows no other
# Python's reader raises these for a file that is no archive or is damaged; nothing is read from disk here.
READ_ERRORS = (zipfile.BadZipFile, zlib.error, LookupError, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of a plan file, in their order."""

    members: tuple[tuple[zipfile.ZipInfo, bytes], ...]

    def __getitem__(self, name: str) -> bytes:
        return next(content for info, content in self.members if info.filename == name)


def read_archive(content: bytes) -> Archive:
    """Read a plan file; raises PlanError for one that cannot be continued."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            if any(info.compress_type not in COMPRESSIONS for info in file.infolist()):
                raise PlanError(DAMAGED_PLAN)
            archive = Archive(tuple((info, file.read(info)) for info in file.infolist()))
    except READ_ERRORS as error:
        raise PlanError(_what_it_is(content)) from error
    names = [info.filename for info, _ in archive.members]
    # Of two members of one name, terraform might read the other one.
    if len(set(names)) < len(names) or not {PLAN, STATE, PREVIOUS_STATE} <= set(names):
        raise PlanError(DAMAGED_PLAN)
    return archive


def write_archive(archive: Archive, *, plan: bytes, state: bytes, to: IO[bytes]) -> None:
    """Write *archive* with another *plan* and *state*; every other member stays as it is."""
    replaced = {PLAN: plan, STATE: state}
    with zipfile.ZipFile(to, "w") as file:
        for info, content in archive.members:
            copy = zipfile.ZipInfo(info.filename, info.date_time)
            copy.compress_type = info.compress_type
            file.writestr(copy, replaced.get(info.filename, content))


def _what_it_is(content: bytes) -> str:
    if REMOTE_PLAN in content[:REMOTE_PLAN_WITHIN]:
        return "the plan file is only a bookmark: HCP Terraform keeps the plan"
    if content[:1] == b"{":
        return "the plan file is encrypted"  # OpenTofu's internal/encryption/base.go
    return DAMAGED_PLAN

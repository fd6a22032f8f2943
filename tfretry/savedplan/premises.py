"""What an approval stands on besides the plan itself: the plan file's identity, the workspace and the backend."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfretry.terraform.command import Command

SENTENCES = {
    "plan_file": "the plan file has been exchanged or written to since the first attempt",
    "workspace": "the workspace has been switched since the first attempt",
    "backend": "the backend has been changed since the first attempt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """A snapshot to compare; of files that may hold credentials it keeps digests only."""

    plan_file: tuple[int, ...]
    workspace: str | None
    backend: str | None


def premises(plan: str, data_directory: str) -> Premises:
    """The premises now, for two `stat`s' and two small files' worth of time; raises OSError.

    *data_directory* is `.terraform` under the `-chdir` directory, or what TF_DATA_DIR names. Take one before the
    first attempt, and one after all has been read from the plan: then what was read is what was approved.
    """
    status = os.stat(plan)
    return Premises(
        # The change time too: a writer can put the modification time back, but not that.
        plan_file=(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns),
        workspace=_digest(os.path.join(data_directory, "environment")),
        backend=_digest(os.path.join(data_directory, "terraform.tfstate")),
    )


def premises_of(command: Command) -> Premises | None:
    """The premises of the saved plan that *command* applies; None where there is no such plan to look at."""
    try:
        return premises(command.in_folder(command.plan_file or ""), command.in_folder(command.data_directory))
    except OSError:
        return None


def changed(before: Premises, now: Premises) -> list[str]:
    """A sentence for each premise that no longer holds."""
    names = [field.name for field in fields(Premises)]
    return [SENTENCES[name] for name in names if getattr(before, name) != getattr(now, name)]


def _digest(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None

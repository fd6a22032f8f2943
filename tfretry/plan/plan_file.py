"""The approved plan file and the variable files on disk, opened and digested before the first attempt.

Import nothing heavy here: every `apply PLANFILE` needs it, also without a retry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator

from tfretry.errors import PlanError
from tfretry.terraform.command import Command

# Terraform finds these in its folder by itself (internal/command/arguments/vars.go, VarsFilename and after).
VARIABLE_FILES = ("terraform.tfvars", "terraform.tfvars.json")
AUTO_VARIABLE_FILES = (".auto.tfvars", ".auto.tfvars.json")


class ApprovedPlan:
    """The plan file and the variable files of *command*; create it before the first attempt, which may change them."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.file = PlanFile(command.in_folder(command.plan_file or ""))
        self._variables = self._variable_files()

    def changed_variable_files(self) -> list[str]:
        """Return the variable files that have changed since the first attempt."""
        before, now = self._variables, self._variable_files()
        return sorted(name for name in before.keys() | now.keys() if now.get(name) != before.get(name))

    def _variable_files(self) -> dict[str, bytes]:
        named = map(self.command.in_folder, self.command.named_variable_files)
        return variable_files(self.command.folder, named)


class PlanFile:
    """The file that was approved, even if another one takes its name later; close it with `close`."""

    def __init__(self, path: str) -> None:
        """Open *path*; if that fails, only a retry is refused."""
        self._file = None
        self._fault = "it is no regular file"
        self._digest = b""
        try:
            # O_NONBLOCK: a FIFO without a writer would block us in `open`.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                return
            self._file = open(descriptor, "rb")  # noqa: SIM115  # open until the run ends
            self._digest = hashlib.file_digest(self._file, "sha256").digest()
            self._fault = ""
        except OSError as error:
            self._fault = error.strerror or str(error)

    def read(self) -> bytes:
        """Return the content that was approved; raises PlanError if it has changed or cannot be read."""
        if self._file is None or self._fault:
            raise PlanError(f"the plan file cannot be read ({self._fault})")
        self._file.seek(0)
        content = self._file.read()
        if hashlib.sha256(content).digest() != self._digest:
            raise PlanError("the plan file has been overwritten since the first attempt")
        return content

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def variable_files(folder: str, named: Iterable[str]) -> dict[str, bytes]:
    """Return the digests of the variable files that terraform finds in *folder*, and of the *named* ones."""
    found = [*_in(folder), *named]
    return {path: digest for path in found if (digest := _digest(path)) is not None}


def _in(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in VARIABLE_FILES or entry.name.endswith(AUTO_VARIABLE_FILES):
                yield os.path.join(folder, entry.name)


def _digest(path: str) -> bytes | None:
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None

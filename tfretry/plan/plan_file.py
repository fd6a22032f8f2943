"""The approved plan file on disk, and the variable files beside it: opened and digested before the first attempt.

Light: it is on the way of every `apply PLANFILE`, also of those that need no retry.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from tfretry.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What terraform reads by itself in its folder (terraform's internal/command/arguments/vars.go, VarsFilename and after).
VARIABLES = ("terraform.tfvars", "terraform.tfvars.json")
AUTO_VARIABLES = (".auto.tfvars", ".auto.tfvars.json")


class PlanFile:
    """The file that was approved, whatever takes its name later; close it with `close`."""

    def __init__(self, path: str) -> None:
        """Open *path*; what cannot be opened stops no attempt, only a retry."""
        self._file = None
        self._fault = "it is no regular file"
        self._digest = b""
        try:
            # A FIFO without a writer would hold us in `open`.
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
        """Return the content that was approved; raises PlanError where it is not there any more."""
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
    """Return the digest of each variable file: those that terraform finds in *folder*, and the *named* ones."""
    found = [*_in(folder), *named]
    return {path: digest for path in found if (digest := _digest(path)) is not None}


def _in(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in VARIABLES or entry.name.endswith(AUTO_VARIABLES):
                yield os.path.join(folder, entry.name)


def _digest(path: str) -> bytes | None:
    try:
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None

"""Find the saved plan among the positional arguments of `apply`."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from enum import Enum

from tfretry.terraform.words import Word, words

HEAD_SIZE = 4096
# A plan file is a zip archive (terraform's internal/plans/planfile); this is how its first member begins.
ZIP = b"PK\x03\x04"
# A key of the JSON object in the file of a plan of HCP Terraform (internal/cloud/cloudplan/saved_plan.go).
REMOTE_PLAN = b'"remote_plan_format"'  # terraform's internal/cloud/cloudplan/saved_plan.go


class Kind(Enum):
    """The kind of file that a positional argument of `apply` names."""

    ARCHIVE = "a plan file"
    BOOKMARK = "a bookmark of a plan of HCP Terraform"
    UNREADABLE = "a file that may be a plan: an encrypted one, or one that cannot be read"
    DIRECTORY = "a directory, which terraform before 0.15 takes the configuration from"
    OTHER = "neither a file nor a directory"

    @property
    def is_plan(self) -> bool:
        """Whether it must be treated as a saved plan, which can be applied only once."""
        return self in (Kind.ARCHIVE, Kind.BOOKMARK, Kind.UNREADABLE)


def kind_of(path: str) -> Kind:
    """Return the kind of *path*, relative to our own folder. Open regular files only: a FIFO would block us."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return Kind.OTHER
    if stat.S_ISDIR(mode):
        return Kind.DIRECTORY
    if not stat.S_ISREG(mode):
        return Kind.OTHER
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_SIZE)
    except OSError:
        return Kind.UNREADABLE
    if head.startswith(ZIP):
        return Kind.ARCHIVE
    return Kind.BOOKMARK if REMOTE_PLAN in head else Kind.UNREADABLE


def saved_plan(
    arguments: Sequence[str], from_environment: Sequence[str], *, folder: str
) -> tuple[Word | None, str | None]:
    """Return the saved plan in *arguments*, and why the positional arguments cannot be repeated, as a clause.

    *folder* is terraform's working directory. Ignore directories.
    """
    named = [
        (word, kind, is_on_line)
        for is_on_line, given in ((False, from_environment), (True, arguments))
        for word in words(given)
        if word.name == "" and word.value
        if (kind := kind_of(os.path.join(folder, word.value))) is not Kind.DIRECTORY
    ]
    if not named:
        return None, None
    if len(named) > 1:
        return None, f"it is not known which of the {len(named)} positional arguments is the plan file"
    word, kind, is_on_line = named[0]
    if not kind.is_plan:
        return None, f"the argument {word.value} is {kind.value}"
    if not is_on_line:
        return None, "the plan file comes from TF_CLI_ARGS, which tfretry does not change"
    return word, None

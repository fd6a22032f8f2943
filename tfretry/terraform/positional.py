"""Which positional argument of `apply` is a saved plan."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from enum import Enum

from tfretry.terraform.words import Word, words

HEAD_SIZE = 4096
# A plan file is a zip archive (terraform's internal/plans/planfile); this is how its first member begins.
ZIP = b"PK\x03\x04"
# A key of the JSON object that HCP Terraform's plans are saved as (internal/cloud/cloudplan/saved_plan.go).
BOOKMARK = b'"remote_plan_format"'


class Kind(Enum):
    """What a positional argument of `apply` names."""

    ARCHIVE = "a plan file"
    BOOKMARK = "a bookmark of a plan of HCP Terraform"
    UNREADABLE = "a file that may be a plan: an encrypted one, or one that cannot be read"
    DIRECTORY = "a directory, which terraform before 0.15 takes the configuration from"
    OTHER = "neither a file nor a directory"

    @property
    def is_plan(self) -> bool:
        """Whether it must be taken for a saved plan: applied once, and never repeated as it is."""
        return self in (Kind.ARCHIVE, Kind.BOOKMARK, Kind.UNREADABLE)


def kind_of(path: str) -> Kind:
    """What *path*, as we see it from our own folder, names. Opens regular files only: a FIFO would hold us."""
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
    return Kind.BOOKMARK if BOOKMARK in head else Kind.UNREADABLE


def saved_plan(
    arguments: Sequence[str], from_environment: Sequence[str], *, folder: str
) -> tuple[Word | None, str | None]:
    """The saved plan among the *arguments* of the line, and in a clause why a second run would not mean the same.

    *folder* is where terraform works. A directory is passed over.
    """
    named = [
        (word, kind, is_of_line)
        for is_of_line, given in ((False, from_environment), (True, arguments))
        for word in words(given)
        if word.name == "" and word.value
        if (kind := kind_of(os.path.join(folder, word.value))) is not Kind.DIRECTORY
    ]
    if not named:
        return None, None
    if len(named) > 1:
        return None, f"it is not known which of the {len(named)} positional arguments is the plan file"
    word, kind, is_of_line = named[0]
    if not kind.is_plan:
        return None, f"the argument {word.value} is {kind.value}"
    if not is_of_line:
        return None, "the plan file comes from TF_CLI_ARGS, which tfretry does not change"
    return word, None

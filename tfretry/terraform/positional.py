"""Find the saved plan among the positional arguments of `apply`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tfretry.terraform.words import Word, words


def saved_plan(
    arguments: Sequence[str], from_environment: Sequence[str], *, folder: str
) -> tuple[Word | None, str | None]:
    """Return the saved plan in *arguments*, and why the positional arguments cannot be repeated, as a clause.

    *folder* is terraform's working directory. Any file may be a plan. A directory is none: terraform before 0.15 takes
    the configuration from it.
    """
    named = [
        (word, path, is_on_line)
        for is_on_line, given in ((False, from_environment), (True, arguments))
        for word in words(given)
        if word.name == "" and word.value and not os.path.isdir(path := os.path.join(folder, word.value))
    ]
    if not named:
        return None, None
    if len(named) > 1:
        return None, f"it is not known which of the {len(named)} positional arguments is the plan file"
    word, path, is_on_line = named[0]
    if not os.path.isfile(path):
        return None, f"the argument {word.value} is neither a file nor a directory"
    if not is_on_line:
        return None, "the plan file comes from TF_CLI_ARGS, which tfretry does not change"
    return word, None

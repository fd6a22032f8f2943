"""Completion in a shell: `complete -C "$(command -v tfretry)" tfretry` runs tfretry with the line in COMP_LINE."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tfretry.config.options import BY_NAME, split_argv


def words_before_cursor(environ: Mapping[str, str]) -> list[str]:
    """Return the words after the command's name up to the cursor; the last one is unfinished, and may be empty.

    They are split at blanks, as terraform's own completion does.
    """
    line, point = os.fsencode(environ["COMP_LINE"]), environ.get("COMP_POINT", "")
    typed = os.fsdecode(line[: int(point)] if point.isdecimal() else line)
    return [*typed.split(), *([] if typed[-1:].strip() else [""])][1:]


def fitting_options(words: Sequence[str]) -> list[str]:
    """Return our options that begin with the last of *words*, if one may stand there."""
    unfinished = "".join(words[-1:])
    given, rest = split_argv(words[:-1])
    is_value = any(option.value and value is None for option, value in given)
    if is_value or rest or not unfinished.startswith("-"):
        return []
    return [name for name in BY_NAME if name.startswith(unfinished)]

"""Completion in a shell: `complete -C "$(command -v tfretry)" tfretry` runs us with the line in COMP_LINE."""

from __future__ import annotations

import os

from tfretry.config.options import ACTIONS, OPTIONS, own_pairs, split_argv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def words_before_cursor(environ: Mapping[str, str]) -> list[str]:
    """The words behind the command's name up to the cursor; the last one is unfinished, and may be empty.

    They are split at blanks, as terraform's own completion does it.
    """
    line, point = os.fsencode(environ["COMP_LINE"]), environ.get("COMP_POINT", "")
    typed = os.fsdecode(line[: int(point)] if point.isdecimal() else line)
    return [*typed.split(), *([] if typed[-1:].strip() else [""])][1:]


def fitting_options(words: Sequence[str]) -> list[str]:
    """Our options that the last of *words* begins, if it stands where one of ours may."""
    before, last = words[:-1], "".join(words[-1:])
    own, _ = split_argv(before)
    given = list(own_pairs(own))
    is_value = bool(given) and given[-1][0].value is not None and given[-1][1] is None
    if is_value or len(own) < len(before) or not last.startswith("-"):
        return []
    return [option.name for option in (*OPTIONS, *ACTIONS) if option.name.startswith(last)]

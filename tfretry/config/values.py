"""Parse the values of options, variables and keys.

Each function takes the place where the value stood and the value, and raises TfretryError for a bad one.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from tfretry.errors import TfretryError

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", re.ASCII)
BARE_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
LONGEST_DURATION_S = 365 * 24 * 3600.0
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def duration_s(where: str, value: Any) -> float:
    """Return the seconds of `500ms`, `6s`, `5m`, `1h30m` or a bare number of seconds."""
    text = str(value).strip()
    bare = BARE_SECONDS.fullmatch(text)
    match = DURATION.fullmatch(f"{text}s" if bare else text)
    if isinstance(value, bool) or not text or not match:
        refuse(where, value, "a duration such as 500ms, 6s, 5m or 1h30m")
    hours, minutes, whole, thousandths = (float(part or 0) for part in match.groups())
    seconds = hours * 3600 + minutes * 60 + whole + thousandths / 1000
    if seconds > LONGEST_DURATION_S:
        refuse(where, value, "a duration of at most 365 days")
    return seconds


def positive_duration_s(where: str, value: Any) -> float:
    """Return the seconds of a duration above zero."""
    seconds = duration_s(where, value)
    if seconds <= 0:
        refuse(where, value, "a duration above zero")
    return seconds


def count(where: str, value: Any) -> int:
    """Return a whole number, 1 or more."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        refuse(where, value, "a whole number, 1 or more")
    return int(text)


def switch(where: str, value: Any) -> bool:
    """Return whether the switch is on; an option without a value is."""
    text = "1" if value is None else str(value).strip().lower()
    if text not in TRUE | FALSE:
        refuse(where, value, "1/true/yes/on or 0/false/no/off")
    return text in TRUE


def text_or_none(where: str, value: Any) -> str | None:
    """Return a string, None for an empty one."""
    if not isinstance(value, str):
        refuse(where, value, "a string")
    return value or None


def log_format(where: str, value: Any) -> str:
    """Return `text` or `json`."""
    if value not in ("text", "json"):
        refuse(where, value, "text or json")
    return str(value)


def refuse(where: str, value: Any, expected: str) -> NoReturn:
    """Raise the TfretryError that names the place, the *value* and what was *expected*."""
    shown = "nothing" if value is None else repr(value)
    raise TfretryError(f"{where}: {shown} is not understood; expected {expected}")

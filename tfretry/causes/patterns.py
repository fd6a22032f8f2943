"""Users' regular expressions, compiled so that white space never decides whether they match."""

from __future__ import annotations

import re
import warnings

# White space in a pattern: a literal character, escaped or not, or one of the escapes for it.
BLANK = r"(?:\\[sntrfv]|\\?\s)"
QUANTIFIER = r"(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?"
BLANKS = re.compile(rf"(?:{BLANK}(?:{QUANTIFIER})?)+")
ONE_BLANK = re.compile(rf"{BLANK}({QUANTIFIER})?")
ALLOWS_NONE = re.compile(r"[*?]|\{0*(?:,|\})")
# A class, in which `]` may stand first; then any other escape or character.
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
OTHER = re.compile(r"\\.|.", re.DOTALL)
VERBOSE = re.compile(r"\(\?[aiLmsu]*x[aiLmsux]*(?:-[imsx]+)?[:)]")
# A pattern may end with the end of a line, behind which the text has no white space.
AT_END = re.compile(r"\$?\Z")


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile *pattern* for text in which each run of white space is one blank.

    Raises ValueError, with a sentence, if it is no regular expression.
    """
    try:
        with warnings.catch_warnings():
            # Python warns where other dialects mean something else, as in [[:alpha:]].
            warnings.simplefilter("error")
            re.compile(pattern)
            return re.compile(_with_single_blanks(pattern))
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


def _with_single_blanks(pattern: str) -> str:
    """Return *pattern* with one blank for each run of white space that is not in a class."""
    parts, at = [], 0
    while at < len(pattern):
        if VERBOSE.match(pattern, at):
            return pattern  # its white space matches nothing
        if run := BLANKS.match(pattern, at):
            parts.append(_blank(run[0], at_end=AT_END.match(pattern, run.end()) is not None))
            at = run.end()
            continue
        other = CLASS.match(pattern, at) or OTHER.match(pattern, at)
        assert other is not None  # noqa: S101  # one of the two matches any character
        parts.append(other[0])
        at = other.end()
    return "".join(parts)


def _blank(run: str, *, at_end: bool) -> str:
    allows_none = all(each[1] and ALLOWS_NONE.match(each[1]) for each in ONE_BLANK.finditer(run))
    return " ?" if allows_none or at_end else " "

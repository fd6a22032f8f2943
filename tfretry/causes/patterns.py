"""Users' regular expressions: in what they match, white space never decides."""

from __future__ import annotations

import re
import warnings

# What is white space in a pattern: itself, escaped or not, and the escapes that stand for it.
BLANK = r"(?:\\[sntrfv]|\\?\s)"
QUANTIFIER = r"(?:[*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})[?+]?"
BLANKS = re.compile(rf"(?:{BLANK}(?:{QUANTIFIER})?)+")
ONE_OF_THEM = re.compile(rf"{BLANK}({QUANTIFIER})?")
MAY_BE_NONE = re.compile(r"[*?]|\{0*(?:,|\})")
# A class, in which `]` may stand first; any other escape; a comment or a group with flags.
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
OTHER = re.compile(r"\\.|.", re.DOTALL)
VERBOSE = re.compile(r"\(\?[aiLmsu]*x[aiLmsux]*(?:-[imsx]+)?[:)]")
# A line of the error may end here, and nothing follows it in the text.
AT_THE_END = re.compile(r"\$?\Z")


def compiled(pattern: str) -> re.Pattern[str]:
    """*pattern* for text in which each run of white space is one blank; ValueError if it is no regular expression."""
    try:
        with warnings.catch_warnings():
            # Python warns of what means something else in other dialects, such as [[:alpha:]].
            warnings.simplefilter("error")
            re.compile(pattern)
            return re.compile(_for_one_blank(pattern))
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


def _for_one_blank(pattern: str) -> str:
    """*pattern* with each run of white space, outside a class, as the one blank that the text has there."""
    parts, at = [], 0
    while at < len(pattern):
        if VERBOSE.match(pattern, at):
            return pattern  # its white space is no text
        if run := BLANKS.match(pattern, at):
            parts.append(_blank(run[0], at_the_end=AT_THE_END.match(pattern, run.end()) is not None))
            at = run.end()
            continue
        other = CLASS.match(pattern, at) or OTHER.match(pattern, at)
        assert other is not None  # noqa: S101  # one of the two matches any character
        parts.append(other[0])
        at = other.end()
    return "".join(parts)


def _blank(run: str, *, at_the_end: bool) -> str:
    may_be_none = all(each[1] and MAY_BE_NONE.match(each[1]) for each in ONE_OF_THEM.finditer(run))
    return " ?" if may_be_none or at_the_end else " "

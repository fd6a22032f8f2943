from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfretry.causes.patterns import compiled

TEXT = "Error: creating Route. Please verify it a\\b [x y] end"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("^Error: creating Route", True),
        ("creating  Route.\n\tPlease", True),
        (r"creating\s+Route", True),
        (r"creating\s*Route", True),
        (r"creating\n\s*Route", True),
        (r"creating\r?\nRoute", True),
        (r"creating\ Route", True),
        (r"creating {2,3}Route", True),
        (r"Rou\s*te", True),
        (r"Rou *?te", True),
        (r"Rou\s{0,2}te", True),
        (r"Rou\s{,2}te", True),
        (r"Rou\s+te", False),
        (r"creating\sRoute\.[\s\S]*verify", True),
        (r"(?s).*Error: .*Route.*", True),
        (r"creating(?:\s|,)Route", True),
        (r"(?<=creating\s)Route", True),
        ("end\n", True),
        (r"end\n$", True),
        (r"end\s+extra", False),
        (r"a\\b", True),
        (r"\[x  y\]", True),
        (r"[\[]x", True),
        (r"\(?x", True),
        (r"(?x) creating \s Route  # a comment", True),
        (r"(?ix) CREATING \s Route", True),
        (r"(?x: creating ) [ ] Route", False),
        (r"[^]]x", True),
    ],
)
def test_white_space_never_decides(pattern, matches):
    """A run of it in the pattern matches the one blank of the text; classes and verbose patterns are unchanged."""
    assert bool(compiled(pattern).search(TEXT)) is matches


words = st.sampled_from(["Error:", "creating", "Route.", "Please", "a\\b", "[x]", "(y)", "{2}", "é", "a+b", "$", "#"])
blanks = st.text(" \t\n\r\u00a0\v", min_size=1, max_size=4)


@given(st.lists(st.tuples(words, blanks), min_size=1), st.data())
def test_text_copied_from_the_screen_matches(parts, data):
    """With any white space between its words, whether all or only special characters are escaped."""
    text = " ".join(word for word, _ in parts)
    copied = "".join(word + blank for word, blank in parts).rstrip()
    escape = data.draw(st.sampled_from([re.escape, lambda given: re.sub(r"[\\\[\](){}+$#.]", r"\\\g<0>", given)]))
    assert compiled(escape(copied)).fullmatch(text)


@given(st.text("ab \\s\\n[]()*+?{}|^$.,1 ", max_size=12))
def test_every_pattern_that_python_accepts_is_accepted(pattern):
    """Rewriting the white space breaks no pattern."""
    try:
        re.compile(pattern)
    except (re.error, FutureWarning, OverflowError):
        return
    compiled(pattern)

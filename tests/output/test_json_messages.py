"""Edge cases of the messages of -json: which of them are errors, and how much of a damaged one is read."""

from __future__ import annotations

import json

import pytest
from aws_errors import ACCESS_DENIED, SENTENCE
from diagnostics import diagnosis_of, is_retried, read

from tfretry.output.lines import LINE_LIMIT


def line_with(summary, *, type_="diagnostic", **more):
    """Return one message as terraform writes it: keys sorted, no white space."""
    body = {"severity": "error", "summary": summary, "detail": "", "address": "a.b", **more}
    message = {"@level": "error", "@module": "terraform.ui", "diagnostic": body, "type": type_}
    return json.dumps(message, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    ("line", "errors"),
    [
        (line_with("x"), 1),
        (line_with("x", severity="warning"), 0),
        (line_with("x", type_="test_status"), 0),
        ('{"@level":"error","diagnostic":[]}', 0),
        ('{"@level":"error","@message":"diagnostic"', 1),
        ('{"@level":"error","diagnostic"', 1),
        ("[" + line_with("x") + "]", 0),
        (line_with("x")[:-20], 1),
    ],
)
def test_an_error_is_a_diagnostic_that_says_so_or_one_that_is_broken(line, errors):
    """A message of another type is no diagnostic."""
    assert len(read(line.encode() + b"\n")) == errors


def test_bytes_that_are_no_text_do_not_hide_an_error():
    """They are replaced."""
    assert is_retried(line_with(f"?? {SENTENCE}").encode().replace(b"??", b"\xff\xfe") + b"\n")


def test_a_lone_surrogate_is_replaced():
    """A JSON escape may be a lone surrogate, which UTF-8 cannot encode."""
    (found,) = read(line_with("x \ud800 y").encode() + b"\n")
    assert found.summary.encode() == b"x ? y"


def test_colour_in_a_message_is_no_text():
    """In the summary and in the detail, in the middle of a word."""
    middle = SENTENCE[:7] + "\x1b[31m" + SENTENCE[7:]
    assert is_retried(line_with(middle) + "\n")
    assert is_retried(line_with("x", detail=middle) + "\n")


def test_colour_shown_as_pictures_is_no_text():
    """OpenTofu 1.12 prints the escape characters of a script like this, except in -json."""
    middle = SENTENCE[:7] + "\u241b[31m" + SENTENCE[7:40] + "\u241b[0m\u240d" + SENTENCE[40:]
    assert is_retried(f"\u2577\n\u2502 Error: x\n\u2502\n\u2502 {middle}\n\u2575\n")
    assert is_retried(f"\nError: x\n\n{middle}\n")


@pytest.mark.parametrize("start", [0, 2, 40])
def test_a_message_too_long_to_be_kept_is_not_retried_and_names_its_resource(start):
    """The missing text may be permanent."""
    snippet = {"code": "x" * (LINE_LIMIT + start), "context": None}
    body = {"severity": "error", "summary": SENTENCE, "detail": "", "address": "a.b", "snippet": snippet}
    line = f'{{"@level":"error","@message":"","type":"diagnostic","diagnostic":{json.dumps(body)}}}\n'
    found = read(line.encode())
    assert not diagnosis_of(found).is_transient
    assert [(each.summary, each.address) for each in found] == [(SENTENCE, "a.b")]


def test_a_message_behind_another_error_is_counted():
    """A transient error does not hide a permanent one."""
    found = read(f"{line_with(SENTENCE)}\n{line_with(ACCESS_DENIED)}\n".encode())
    assert diagnosis_of(found).errors == 2
    assert not diagnosis_of(found).is_transient


@pytest.mark.parametrize("snippet", [None, {}, {"context": None}, {"context": ""}, {"context": 'resource "c" "d"'}])
@pytest.mark.parametrize(("address", "within"), [("a.b", "a.b"), ("", "c.d")])
def test_where_it_happened_is_no_text(snippet, address, within):
    """The place is read as the address, and is no part of the text."""
    (found,) = read(
        line_with("x", detail="y", address=address, range={"filename": "z"}, snippet=snippet).encode() + b"\n"
    )
    context = snippet and snippet.get("context")
    assert (found.summary, found.detail, found.address) == ("x", "y", address or (within if context else None))

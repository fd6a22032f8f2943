"""Edge cases of the formats for people: the end of a diagnostic, its text, and text that does not belong to it."""

from __future__ import annotations

import pytest
from aws_errors import ACCESS_DENIED, SENTENCE
from diagnostics import is_retried, read

from tfretry.output.diagnostic import TEXT_LIMIT
from tfretry.output.diagnostics import DiagnosticReader

LOG = "2026-11-24T01:42:03.123Z [DEBUG] provider: " + "x" * 200 + "\n"


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (f"Error: {SENTENCE}\n\n  with x.y,\n\nError: {ACCESS_DENIED}\n", 2),
        (f"Error: {SENTENCE}\n\n  on main.tf line 1:\n   1: x\n\nError: and a detail\n", 1),
        (f"Error: {SENTENCE}\n\nError: and a detail\n", 1),
        (f"╷\n│ Error: {SENTENCE}\n╷\n│ Error: {ACCESS_DENIED}\n╵\n", 2),
        (f"│ Error: {SENTENCE}\n│ Error: and a detail\n╵\n", 1),
        (f"╷\n│ Error: {SENTENCE}\nError: {ACCESS_DENIED}\n", 2),
        ("Warning: x\n\ny\n\nx.y: Creating...\n", 0),
        (f"Warning: x\n\ny\n\nx.y: Creating...\n\nError: {ACCESS_DENIED}\n", 1),
        (f"Warning: x\n\ny\n\n  Enter a value: \nError: {ACCESS_DENIED}\n", 1),
        (f"Warning: x\n\nIt says\nx.y: Creating...\nError: {ACCESS_DENIED}\n", 0),
    ],
)
def test_a_diagnostic_ends_where_terraform_begins_another(text, errors):
    """In each format, and with terraform's other output in between."""
    assert len(read(text.encode())) == errors


def test_a_frame_without_its_upper_corner_is_a_frame():
    """A sentence that is wrapped behind the gutter is joined."""
    half, rest = SENTENCE[:30].rsplit(" ", 1)[0], SENTENCE[len(SENTENCE[:30].rsplit(" ", 1)[0]) + 1 :]
    assert is_retried(f"│ Error: x\n│\n│ {half}\n│ {rest}\n╵\n")


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ("Error: a\n  with b.c,\n", "a with b.c,", ""),
        ("Error: a\n\n  on main.tf line 1:\ntext\n", "a", "text"),
        ("Error: a\n\n  on main.tf line 1:\n   1: x\n   2: y\n\ntext\n", "a", "text"),
        ("Error: a\n\ntext\n   1: more\n", "a", "text 1: more"),
        ("Error: a\n\n   1: text\n", "a", "1: text"),
        ("Error: a\n\n  with b.c,\n\n   1: text\n", "a", "1: text"),
    ],
)
def test_a_line_that_only_looks_like_a_location_is_text(text, summary, detail):
    """A location stands behind a blank line, and source directly behind a location."""
    (found,) = read(text.encode())
    assert (found.summary, found.detail) == (summary, detail)


@pytest.mark.parametrize(
    ("kind", "address"), [("resource", "aws_x.y"), ("data", "data.aws_x.y"), ("provider", None), ("output", None)]
)
def test_an_address_is_taken_from_the_source_where_nothing_else_has_it(kind, address):
    """As terraform before 0.15 prints it; a data source is not a managed resource."""
    (found,) = read(f'Error: a\n\n  on main.tf line 1, in {kind} "aws_x" "y":\n   1: x\n\ntext\n'.encode())
    assert found.address == address


@pytest.mark.parametrize("line", [LOG, "x" * 100 + "\n", "\n\nWarning: x\n\nxxx\n"])
def test_a_diagnostic_without_an_end_is_reported_once_it_is_full(line):
    """Memory is bounded, whether log lines, text or warnings follow."""
    found = []
    reader = DiagnosticReader(found.append)
    reader.feed(b"Error: a\n\n")
    reader.feed(line.encode() * (TEXT_LIMIT // 10))
    assert len(found) == 1
    assert found[0].truncated


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("╷\n│ Error: 2 errors occurred:\n│ \t* one\n│ \t* two\n│ \n│   with a.b,\n╵\n", ["a.b", "a.b"]),
        ("Error: Error applying plan:\n\n1 error occurred:\n\t* module.m.a.b: 1 error occurred:\n\t* a.b: x\n",
         ["module.m.a.b"]),
        ("Error: Error applying plan:\n\n1 error occurred:\n\t* module.m.a.b: 1 error occurred:\n\t* c.d: x\n",
         ["c.d"]),
        ("Error: Error applying plan:\n\n2 errors occurred:\n\t* a.b: x\n\t* y\n", ["a.b", None]),
    ],
)  # fmt: skip
def test_a_leaf_of_a_group_has_its_own_address_or_that_of_its_group(text, addresses):
    """0.11 names the module in the outer bullet only; an address of another resource is not its own."""
    assert [each.address for each in read(text.encode())] == addresses


def test_a_script_in_a_group_is_decided_by_its_output():
    """Also in a group without terraform's closing sentence."""
    text = f"local-exec provisioner error: Error running command 'x': exit status 1. Output: {SENTENCE}"
    assert is_retried(f"Error: {text}\n")
    assert is_retried(f"Error: Error applying plan:\n\n1 error occurred:\n\t* a.b: {text}\n")

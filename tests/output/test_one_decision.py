"""One failure, one decision: the same text in every format that terraform has for it."""

from __future__ import annotations

import os

import pytest
import render
from aws_errors import ACCESS_DENIED, AWS, SENTENCE
from diagnostics import DEFAULT, diagnosis_of, read
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from render import Content

from tfretry.causes.table import custom_cause

# The number of failures that are tried, each in every format.
FEW = 1_000
MANY = int(os.environ.get("ONE_DECISION_FAILURES", "20000"))
PARTS = 10  # which run in parallel
CAUSES = (*DEFAULT, custom_cause("script", "exit status 75|^Error: Invalid index", "the user says so"))

INNER = Content(summary=AWS, address="aws_ecs_service.inner")
NESTED = (
    render.box(INNER),
    render.box(INNER, colour=False),
    render.plain(INNER),
    render.message(INNER),
    render.plain(Content(summary="Invalid index", detail=f"It says\n\nError: {SENTENCE}")),
    render.box(Content(summary="w", detail=SENTENCE, severity="Warning")),
    render.plain(Content(summary="w", detail=ACCESS_DENIED, severity="Warning")),
    render.message(Content(summary="w", detail=ACCESS_DENIED, severity="Warning")),
)
LINES = (
    *(SENTENCE, AWS, ACCESS_DENIED, "no luck", "a b", "", "", "", " ", "\tx", "  x", "é हिन्दी · 中文 " * 9, "x" * 130),
    *(
        "2026-11-26 10:00:00 [INFO] start",
        f"2026-11-26 10:00:01 [ERROR] {SENTENCE}",
        f"2026-11-26 [ERROR] {ACCESS_DENIED}",
    ),
    *(f"2026-11-24T01:42:03.123Z [DEBUG] provider: {SENTENCE}", "2026-11-24T01:42:03.123Z [INFO]  x:", "[ERROR] x"),
    *(
        f"2020/06/01 12:00:00 [TRACE] x: {SENTENCE}",
        f"2020/06/01 12:00:00 [TRACE] {ACCESS_DENIED}",
        "12:00:00 [TRACE] x",
    ),
    *("Outputs:", "VpcId = vpc-0", "Changes to Outputs:", "Apply complete! Resources: 1 added.", "Apply cancelled."),
    *("aws_vpc.v: Creating...", "aws_vpc.v: Creation complete after 1s [id=vpc-0]", "Interrupt received."),
    *("  # aws_ecs_service.x will be created", '  + resource "a" "b" {', "Plan: 1 to add, 0 to change, 0 to destroy."),
    *(
        "aws_vpc.v (local-exec): x",
        "aws_vpc.v: Still creating... [10s elapsed]",
        "  Enter a value: ",
        "Error: ",
        "Error:",
    ),
    *(
        "Error: x",
        f"Error: {SENTENCE}",
        f"Error: {ACCESS_DENIED}",
        "Warning: x",
        f"Warning: {SENTENCE}",
        f"Warning: {ACCESS_DENIED}",
    ),
    *(
        "  with a.b,",
        '  on main.tf line 3, in resource "a" "b":',
        "   3: x",
        "    │ x",
        "╷",
        "╵",
        "│",
        "│ Error: x",
        "* x",
    ),
    *(
        '{"@level":"error","@message":"x"}',
        f'{{"@level":"debug","@message":"{SENTENCE}"}}',
        '{"a": 1}',
        "1 error occurred:",
    ),
    *(f"\t* {AWS}", "\t* x", "- x", f"x - {SENTENCE}", "': exit status 1. Output: ", "Error running command 'x"),
    *("(and one more similar error elsewhere)", "\x1b[31mred\x1b[0m", "Saved plan is stale"),
)
texts = st.lists(st.sampled_from(LINES) | st.sampled_from(NESTED), max_size=7).map("\n".join)
# The boxes of a remote run and the prompt may stand behind a plain warning: quotations of them look the same.
texts_without_boxes = st.lists(
    st.sampled_from([line for line in LINES if not line.startswith(("╷", "│", "{", "  Enter"))]), max_size=7
).map("\n".join)
located = st.booleans()  # without a location, a detail that begins like one is read as one
errors = st.one_of(
    st.builds(Content, summary=st.sampled_from([AWS, "Failed", "Invalid index"]), detail=texts),
    st.builds(
        lambda command, output, code: Content(
            summary="local-exec provisioner error",
            detail=f"Error running command '{command}': exit status {code}. Output: {output}",
        ),
        st.just("sh x") | texts,
        texts,
        st.sampled_from([1, 75]),
    ),
    st.builds(
        Content,
        summary=texts,
        detail=st.just("") | texts.map("He said\n{}".format),
        located=located,
        address=st.none() | st.just("a.b"),
    ),
)
warnings = st.builds(Content, summary=st.just("w"), detail=texts_without_boxes, severity=st.just("Warning"))
# A run that fails has an error, and terraform prints the warnings first.
failures = st.builds(
    lambda before, failed: [*before, *failed], st.lists(warnings, max_size=1), st.lists(errors, min_size=1, max_size=3)
)

widths = st.sampled_from([20, 40, 78, 200])


def decision(text: str) -> bool:
    return diagnosis_of(read(text.encode()), CAUSES).is_transient


def in_every_format(diagnostics: list[Content], width: int) -> dict[str, str]:
    """Return what terraform prints for *diagnostics*, by the name of the format; *width* is that of its terminal."""
    return {
        "json": "".join(render.message(content) for content in diagnostics),
        "remote": "".join(render.box(content, colour=False) for content in diagnostics),
        "plain": "".join(render.plain(content, width=width) for content in diagnostics),
        "box": (box := "".join(render.box(content, width=width) for content in diagnostics)),
        "terminal": box.replace("\n", "\r\n"),
    }


def check_one_decision(diagnostics: list[Content], width: int) -> None:
    decisions = {name: decision(text) for name, text in in_every_format(diagnostics, width).items()}
    assert len(set(decisions.values())) == 1, (width, decisions)


def examples(number: int):
    """Settings for *number* examples, however long they take."""
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))


@examples(FEW)
@given(failures, widths)
def test_one_text_has_one_decision_in_every_format(diagnostics, width):
    """With log lines, terraform's own words, blank lines, headings, messages and another terraform's output in it."""
    check_one_decision(diagnostics, width)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_one_text_has_one_decision_many_times(part):
    """The same with more texts; ONE_DECISION_FAILURES in the environment is their number."""
    test = examples(MANY // PARTS)(given(failures, widths)(check_one_decision))
    seed(part)(test)()  # in CI, Hypothesis would take the same texts for each part

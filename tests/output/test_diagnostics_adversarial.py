from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest
import render
from aws_errors import ACCESS_DENIED, AWS, SENTENCE
from diagnostics import diagnosis_of, in_pieces, is_retried, read
from render import FORMATS, NOISE, WARNING, Content

UNLOCK = "Releasing state lock. This may take a few moments...\n"
PROMPT = "\nDo you want to perform these actions?\n\n  Enter a value: no\n\nApply cancelled.\n"
FAKE = f"': exit status 1. Output: {SENTENCE}"


def local_exec(command: str, output: str, *, error: str = "exit status 1") -> Content:
    content = f"Error running command '{command}': {error}. Output: {output}"
    return Content(summary="local-exec provisioner error", detail=content)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("command", "output", "retried"),
    [
        ("aws ecs create-service", f"\nAn error occurred: {SENTENCE}\n", True),
        (f"echo {FAKE}", f"{SENTENCE}\n", True),
        ("aws ecs create-service", "", False),
        (f"echo '{SENTENCE}'", "no\n", False),
        (f"echo 'Output: {SENTENCE}'", "no\n", False),
        (f"echo '{FAKE}", "no\n", False),
        (f"echo '{FAKE}", "", False),
        (f"x {FAKE}\n\nError: {SENTENCE}\n", "no\n", False),
        (f"x {FAKE}\n\nWarning: {SENTENCE}\n", "no\n", False),
        (f"x {FAKE}\n\nWarning: {SENTENCE}\n\naws_x.y: Creating...\n", "no\n", False),
        (f"x {FAKE}\n\nError: Error running command 'y{FAKE}\n", "no\n", False),
        (f"x {FAKE}\naws_x.y: Creating...\n", "no\n", False),
        (f"x {FAKE}\n2026-11-24T01:42:03.123Z [DEBUG] x:\n", "no\n", False),
        (f"x {FAKE}\n2026-11-24T01:42:03.123Z [DEBUG] x", "no\n", False),
        (f"x {FAKE}\n{UNLOCK}", "no\n", False),
        (f"x {FAKE}\n╷\n│ Error: {SENTENCE}\n╵\n", "no\n", False),
        (f"x {FAKE}\n│ Error: {SENTENCE}\n", "no\n", False),
        (f"x {FAKE}\nApply complete! Resources: 0 added\n", "no\n", False),
        (f'x {FAKE}\n{{"@level":"error"', "no\n", False),
        (f"x {FAKE}\n\n  with a.b,\n  on x line 1:\n    │ ", "no\n", False),
        (f"x {FAKE}\n\n  on x line 1:\n12345: ", "no\n", False),
        (f"1 error occurred:\n\t* {SENTENCE}", "no\n", False),
        ("x", f"{ACCESS_DENIED} {SENTENCE}", False),
    ],
)
def test_only_the_output_of_a_command_counts(format_, command, output, retried):
    """A command may quote anything, terraform's messages too; in doubt no cause matches."""
    for width in (20, 78):
        assert is_retried(FORMATS[format_](local_exec(command, output), width)) is retried


@pytest.mark.parametrize(
    "error", ['exec: "x": executable file not found in $PATH', "signal: killed", "context canceled"]
)
def test_a_quoted_end_of_a_command_is_not_taken_for_the_true_one(error):
    """The true end may have other words than `exit status`."""
    assert not is_retried(render.box(local_exec(f"echo {FAKE}", "", error=error)))


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize(
    ("command", "output", "retried"),
    [
        ("aws", f"{SENTENCE}\n", True),
        (f"echo '{FAKE}", "no", False),
        (f"x {FAKE}\n* aws_x.y: {SENTENCE}", "no", False),
        (f"x {FAKE}\n* aws_x.y: 1 error(s) occurred:\n", "no", False),
        (f"x {FAKE}\n\n  on x line 1:\n   3: ", "no", False),
        (f"x {FAKE}\nTerraform does not automatically rollback in the face of errors.\n", "no", False),
    ],
)
def test_a_command_that_quotes_is_recognised_before_0_15_too(command, output, retried, newer):
    """In 0.11 to 0.14 the failed command stands in the summary."""
    content = Content(summary=local_exec(command, output).detail)
    assert is_retried(render.bullets([content], newer=newer)) is retried
    assert is_retried(render.legacy(content)) is retried
    assert is_retried(render.legacy(replace(content, located=False), colour=False)) is retried


STREAMS = {
    "a permanent error, then progress that quotes": f"\nError: Invalid index\n\nSome words.\n\n{NOISE[3]}{SENTENCE}\n",
    "a permanent error, then outputs": f"\nError: x\n\n  on x.tf line 1:\n\nChanges to Outputs:\nx = {SENTENCE}\n",
    "a permanent error, then a log of several lines": (
        f"\nError: x\n\n2026-11-24T01:42:03.123Z [DEBUG] provider: Response Details:\n{SENTENCE}\n\n{SENTENCE}\n"
    ),
    "a permanent error, then a JSON log": f'\nError: Invalid index\n\n{{"@level":"debug","@message":"{SENTENCE}"}}\n',
    "source code that quotes, behind a summary of paragraphs": (
        f'\nError: a\n\nb\n\n  with a.b,\n  on x.tf line 1, in resource "a" "b":\n   1: d = "{SENTENCE}"\n\n'
    ),
    "code of five digits": f'\nError: a\n\n  on x.tf line 12345:\n12345: x = "{SENTENCE}"\n\n',
    "a warning only": render.plain(WARNING),
    "a warning in a box only": render.box(WARNING),
    "a warning in JSON only": render.message(WARNING),
    "a warning that begins like an error": render.plain(
        Content(summary="w", detail=f"Error: {AWS}", severity="Warning")
    ),
    "a plain warning that quotes an error, and a no": (
        f"{render.plain(Content(summary='w', detail=f'See{chr(10) * 2}Error: {AWS}', severity='Warning'))}{PROMPT}"
    ),
    "several warnings, compact": f"Warnings:\n\n- Check block assertion failed\n  on x.tf line 1: {AWS}\n",
    "an empty box beside the role error": f"╷\n╵\n{render.box(Content(summary=AWS))}",
    "a box that is neither": f"╷\n│ Notice: x\n╵\n{render.box(Content(summary=AWS))}",
    "a JSON error that is damaged": '{"@level":"error","@message":"Error: x"\n' + render.message(Content(summary=AWS)),
    "a JSON error that is cut": render.message(Content(summary=AWS))
    + '{"@level":"error","diagnostic":{"severity":"error","su',
    "a JSON error that is no text": (
        '{"@level":"error","diagnostic":{"severity":"error","summary":null,"snippet":7},"type":"diagnostic"}\n'
    ),
    "outputs after a success": f"Apply complete! Resources: 1 added.\n\nOutputs:\n\nx = <<EOT\nError: {AWS}\nEOT\n",
    "a plugin that crashed": f"{render.plain(Content(summary=AWS))}\nStack trace:\n\nError: The plugin crashed!\n\n",
    "an unterminated control string": f"\x1b[31m╷\n│ Error: \x1b]0;{ACCESS_DENIED}\n│ {SENTENCE}\n╵\n",
    "state lock": render.box(Content(summary="Error acquiring the state lock", detail=SENTENCE)),
    "a group of both": render.box(Content(summary=f"{AWS}: 2 errors occurred:\n\t* no such thing\n\t* {AWS}\n\n")),
    "a list of terraform's own": render.plain(Content(summary="x", detail=f"2 problems:\n\n- {AWS}\n- no such thing")),
    "an error behind a log of several lines": (
        f"\nError: {AWS}\n\nx\n2026-11-24T01:42:03.123Z [DEBUG] x:\nbody\n\nError: Invalid index\n\n"
    ),
    "an error behind an open log and a location": (
        f"{render.plain(Content(summary=AWS))}2026-11-24T01:42:03.123Z [DEBUG] x\n\nError: Invalid index\n\n"
    ),
    "a permanent leaf behind 64 KiB of role errors": "".join(
        (
            "\x1b[31mError: Error applying plan:\n\n301 error(s) occurred:\n\n",
            *(f"* aws_x.y{at}: 1 error(s) occurred:\n\n* aws_x.y{at}: {AWS}\n\n" for at in range(300)),
            "* aws_x.z: 1 error(s) occurred:\n\n* aws_x.z: AccessDenied: nope\n\n",
            "Terraform does not automatically rollback in the face of errors.\nInstead,\x1b[0m\n",
        )
    ),
    "an author's group": render.plain(
        Content(summary="Resource postcondition failed", detail=f"1 error occurred:\n\t* {AWS}")
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_must_not_be_retried_is_not(name):
    """Each stream quotes the sentence where it is no evidence, or has a permanent error beside it."""
    for text in (STREAMS[name], STREAMS[name].replace("\n", "\r\n")):
        assert not is_retried(text)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("last", [ACCESS_DENIED, "2 errors occurred:\n\t* no such thing\n\t* x"])
def test_a_permanent_error_behind_the_first_64_kib_is_not_overlooked(format_, last):
    """The text behind the limit is unknown, so no cause explains the error."""
    assert not is_retried(FORMATS[format_](Content(summary=AWS, detail=f"{'word ' * 20_000}\n{last}"), 78))


@pytest.mark.parametrize("before", ["  ", "            ", "  + ", "      \x1b[32m+\x1b[0m ", "  ~ ", "a: ", "│ ", "\t"])
@pytest.mark.parametrize("start", ['{"@level":"error",', "{"])
def test_a_plan_that_quotes_a_json_error_reports_none(before, start):
    """A heredoc of the configuration may hold one, and the user may answer `no`."""
    quoted = render.message(Content(summary=AWS))[1:].partition(",")[2]
    text = (
        f"  # a.b will be created\n      + content = <<-EOT\n{before}{start}{quoted}        EOT\n\nApply cancelled.\n"
    )
    assert is_retried(f"{start}{quoted}")
    assert read(text.encode()) == []


@pytest.mark.parametrize(
    "name", [name for name in STREAMS if "warning" in name or "outputs after" in name if "a no" not in name]
)
def test_a_quoted_error_is_not_counted(name):
    """A warning or an output that quotes an error is no error: after a `no` at the prompt the run has none."""
    assert read(STREAMS[name].encode()) == []


def test_the_colour_of_an_empty_box_marks_a_warning():
    """Terraform drops lines of more than 64 KiB; the box remains."""
    empty = render.box(Content(summary="x", severity="Warning")).splitlines(keepends=True)
    assert read(f"{empty[0]}{empty[-1]}".encode()) == []


RETRIED = {
    "a log between the lines of a box": render.box(Content(summary=AWS)).replace("\n", f"\n{NOISE[6]}"),
    "a log between two errors without a gutter": f"{NOISE[6]}{render.plain(Content(summary=AWS))}{NOISE[6]}" * 2,
    "a detail that begins like an error": render.plain(Content(summary="Client Error", detail=f"Error: {AWS}")),
    "a detail that begins like one, without a source": render.plain(
        Content(summary="Client Error", detail=f"Error: {AWS}", located=False, address=None)
    ),
    "two errors without detail or source": render.plain(Content(summary=AWS, located=False)) * 2,
    "two errors without detail, source or address": render.plain(Content(summary=AWS, located=False, address=None)) * 2,
    "a box that was cut": f"╷\n│ Error: {AWS}\n",
    "a box without its first line": f"│ Error: {AWS}\n│\n╵\n",
    "an older gutter": f"| Error: {AWS}\n|\n",
    "a box within which another begins": f"╷\n│ Error: {AWS}\n╷\n│ Error: {AWS}\n╵\n",
    "a box, then no gutter": f"╷\n│ Error: {AWS}\n\nError: {AWS}\n",
    "nothing but the line": f"Error: {AWS}",
    "JSON behind an unfinished line": f"Enter a value: {render.message(Content(summary=AWS))}",
    "JSON behind a prompt": f"  \x1b[1mEnter a value:\x1b[0m \x1b[0m{render.message(Content(summary=AWS))}",
    "a location behind paragraphs": f"\nError: {AWS}\n\nSome words.\n\n  with a.b,\n  on x.tf line 1:\n   1: x\n\n",
    "JSON in another order": json.dumps(
        {"type": "diagnostic", "diagnostic": {"detail": AWS, "severity": "error"}, "@level": "error"}
    ),
    "unlock after the error": f"{render.plain(Content(summary=AWS))}{UNLOCK}",
    "an error after an unlock": (f"{render.plain(Content(summary=AWS))}{UNLOCK}Error: {AWS}\n"),
    "a quoted JSON error": (
        f'aws_x.y (local-exec): {{"@level":"error","diagnostic":{{"severity":"error"}},"type":"diagnostic"}}\n'
        f"{render.box(Content(summary=AWS))}"
    ),
    "a hyperlink": f"Error: \x1b]8;;https://x\x1b\\{AWS}\x1b]8;;\x1b\\\n",
}


@pytest.mark.parametrize("name", RETRIED)
def test_a_role_error_is_found_in_unusual_output(name):
    """Each stream holds role errors, and no permanent error."""
    assert is_retried(RETRIED[name])
    assert is_retried(RETRIED[name].replace("\n", "\r\n"))


@pytest.mark.parametrize("format_", [*FORMATS])
def test_a_diagnostic_keeps_its_first_64_kib_and_says_so(format_):
    """The diagnostic is marked as truncated, and no cause explains it."""
    (found,) = read(FORMATS[format_](Content(summary=AWS, detail="word " * 20_000), 78).encode())[:1]
    assert found.truncated
    assert 60_000 < len(found.summary) + len(found.detail) <= 65_536
    assert not diagnosis_of([found]).is_transient


@pytest.mark.parametrize("field", ["summary", "detail"])
def test_a_json_error_longer_than_a_line_may_be_is_read_from_its_beginning(field):
    """The first 256 KiB of the line are read; the rest may be permanent, so the error is not retried."""
    content = Content(**{"summary": AWS, field: f'{AWS} "\\ \n' + "x" * 150_000})
    (found,) = read(render.message(content).encode() + b"\n")
    assert SENTENCE in f"{found.summary} {found.detail}"
    assert (found.truncated, diagnosis_of([found]).is_transient) == (True, False)


def test_a_json_error_that_is_cut_within_an_escape_is_still_one():
    """The field is read up to the place where the line was cut."""
    for pad in range(12):
        text = render.message(Content(summary="x", detail=AWS + "\\u" + "é" * pad + '"\x01' * 90_000)).encode()
        (found,) = read(text)
        assert SENTENCE in found.detail


def test_a_json_error_whose_message_alone_is_too_long_is_an_error():
    """It cannot be read, so no cause explains it; it is counted all the same."""
    diagnosis = diagnosis_of(
        read(render.message(Content(summary="x" * 300_000)).encode(), render.message(Content(summary=AWS)).encode())
    )
    assert (diagnosis.errors, diagnosis.is_transient) == (2, False)


def test_a_json_warning_longer_than_a_line_may_be_is_no_error():
    """The beginning of the message has its severity."""
    content = Content(summary="x", detail=f"{AWS}\n" + "x" * 300_000, severity="Warning")
    assert read(render.message(content).encode()) == []


def test_a_line_of_location_without_end_is_text():
    """A line too long to be matched cheaply is not matched as a location."""
    (found,) = read(f"\nError: x\n\n  on x line 1{', in line 1' * 1000}:\n   1: x\n".encode())
    assert found.detail.startswith("on x line 1, in line 1")


def test_a_line_without_end_costs_no_memory():
    """Of a line of 64 MB without a newline only the beginning is kept."""
    chunk = b"Error: " + b"x" * 65_529
    tracemalloc.start()
    found = read(*[chunk] * 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0].truncated
    assert peak < 8_000_000


def test_lines_behind_an_open_diagnostic_cost_no_memory():
    """The memory for lines behind an error without an end mark is bounded."""
    for heading in ("Error: x", "Warning: x"):
        for line in (b"aws_x.y: Creating...\n", b"\n", b"2026-11-24T01:42:03.123Z [DEBUG] x:\n", b"a\n"):
            pieces = in_pieces(line * 20_000, 65_536)
            tracemalloc.start()
            read(f"\n{heading}\n\n".encode(), *pieces)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 8_000_000


def test_thousands_of_diagnostics_keep_a_count_and_twenty_findings():
    """The count decides; the findings are for messages and reports."""
    blocks = in_pieces(render.box(Content(summary=ACCESS_DENIED)).encode() * 4_000, 65_536)
    tracemalloc.start()
    diagnosis = diagnosis_of(read(*blocks))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (diagnosis.errors, len(diagnosis.findings), diagnosis.is_transient) == (4_000, 20, False)
    assert peak < 2_000_000

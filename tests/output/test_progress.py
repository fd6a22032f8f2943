from __future__ import annotations

import json

import pytest
from corpus import CORPUS
from diagnostics import in_pieces
from render import KEYED_ADDRESS, QUOTING_PLAN, ui

from tfretry.output.progress import ELAPSED_KEPT, Progress, ProgressReader, ReportedChange


def progress_of(text: str | bytes, *, size: int = 65_536) -> Progress:
    reader = ProgressReader()
    for chunk in in_pieces(text if isinstance(text, bytes) else text.encode(), size):
        reader.feed(chunk)
    reader.close()
    return reader.progress


def change(action: str, address: str) -> ReportedChange:
    return ReportedChange(action=action, address=address)


def unfinished_updates(progress: Progress) -> set[str]:
    return {change.address for change in +progress.unfinished if change.action == "update"}


BEGINNINGS = {"create": "Creating...", "update": "Modifying...", "delete": "Destroying..."}


def beginning(finished: ReportedChange) -> str:
    """Return the line that begins that change."""
    return f"{finished.address}: {BEGINNINGS[finished.action]}\n"


@pytest.mark.parametrize(
    ("line", "finished"),
    [
        ("aws_x.y: Creation complete after 2s [id=i-1]", change("create", "aws_x.y")),
        ("aws_x.y.0: Creation complete after 2s (ID: i-1)", change("create", "aws_x.y.0")),
        ("aws_x.y: Modifications complete after 1m2s [id=i-1]", change("update", "aws_x.y")),
        ("data.aws_x.y[3]: Destruction complete after 0s", change("delete", "data.aws_x.y[3]")),
        (f"{KEYED_ADDRESS}: Creation complete after 0s", change("create", KEYED_ADDRESS)),
        (
            "aws_x.y (deposed object 00000001): Destruction complete after 0s",
            change("delete", "aws_x.y"),
        ),
        *(
            (
                f"module.{name}.my-cloud_x.{name}: Creation complete after 0s",
                change("create", f"module.{name}.my-cloud_x.{name}"),
            )
            for name in ("हिन्दी", "e\u0301", "l·l", "中文", "a-b_1")
        ),
        (
            'aws_x.y["a: Creation complete after 1s \\"b\\""]: Destruction complete after 0s',
            change("delete", 'aws_x.y["a: Creation complete after 1s \\"b\\""]'),
        ),
    ],
)
def test_a_finished_change_is_known_by_its_line(line, finished):
    """With and without colour, in chunks of any size, with any line end."""
    for text in (f"{line}\n", f"{line}\r\n", f"\x1b[0m\x1b[1m{line}\x1b[0m\x1b[0m\n", line):
        for size in (1, 3, 1000):
            assert progress_of(f"x\n{beginning(finished)}{text}", size=size).finished == [finished]


def test_a_completion_counts_only_after_its_beginning():
    """A change that has not begun, or is already complete, cannot be completed: the line is a quotation."""
    done = "a.b: Destruction complete after 0s\n"
    begun = "a.b: Destroying... [id=x]\n"
    assert progress_of(done).finished == []
    assert progress_of(f"a.b: Creating...\n{done}").finished == []
    assert progress_of(f"{begun}{done}{done}").finished == [change("delete", "a.b")]
    assert (
        progress_of(f"a.b (deposed object 0a): Destroying...\n{begun}{done}{done}").finished
        == [change("delete", "a.b")] * 2
    )


@pytest.mark.parametrize(
    "line",
    [
        "aws_x.y (local-exec): aws_x.z: Creation complete after 2s",
        "  aws_x.z: Creation complete after 2s",
        "│ aws_x.z: Creation complete after 2s",
        "Error: aws_x.z: Creation complete after 2s",
        "aws_x.y: Creation complete",
        "aws_x.y: Read complete after 2s",
        "aws_x.y: Creation errored after 2s",
        QUOTING_PLAN,
    ],
)
def test_a_line_that_only_looks_like_progress_is_ignored(line):
    """Only a line that begins with the address counts."""
    assert progress_of(f"{line}\n").finished == []
    assert progress_of(f"{line}\n").elapsed_s == {}


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("aws_x.y: Still creating... [10s elapsed]", 10),
        ("aws_x.y: Still creating... [2m10s elapsed]", 130),
        ("aws_x.y: Still creating... [02m10s elapsed]", 130),
        ("aws_x.y: Still creating... [1h0m10s elapsed]", 3610),
        ("aws_x.y: Still modifying... [id=a, b [10s elapsed], 2m10s elapsed]", 130),
        ("aws_x.y (deposed object 00000001): Still destroying... [id=a, 20s elapsed]", 20),
        ("aws_x.y: Still creating... (20s elapsed)", 20),
        ("aws_x.y: Still destroying... (ID: a, 20s elapsed)", 20),
        (ui("x", type="apply_progress", hook={"resource": {"addr": "aws_x.y"}, "elapsed_seconds": 20}).strip(), 20),
        (ui("x", type="apply_errored", hook={"resource": {"addr": "aws_x.y"}, "elapsed_seconds": 240.5}).strip(), 240),
    ],
)
def test_how_long_a_change_has_been_going_on_is_known(line, seconds):
    """In the notation of every version."""
    for size in (1, 1000):
        assert progress_of(f"{line}\r\n", size=size).elapsed_s == {"aws_x.y": seconds}


@pytest.mark.parametrize("name", ["हिन्दी", "e\u0301", "l·l"])
def test_a_change_is_seen_whatever_letters_its_name_has(name):
    """Terraform allows every Unicode identifier."""
    reader = progress_of(f"x-y_z.{name}: Modifying... [id=1]\nx-y_z.{name}: Still modifying... [id=1, 10s elapsed]\n")
    assert (reader.begun, unfinished_updates(reader)) == (True, {f"x-y_z.{name}"})
    assert reader.elapsed_s == {f"x-y_z.{name}": 10}


def test_the_last_report_counts():
    """Terraform reports it every ten seconds."""
    text = "".join(f"aws_x.y: Still creating... [{seconds}s elapsed]\n" for seconds in (10, 20, 30))
    assert progress_of(text).elapsed_s == {"aws_x.y": 30}


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("x.y: Creating...", True),
        ("\x1b[0m\x1b[1mmodule.m[0].x.y: Modifying... [id=1]\x1b[0m\x1b[0m", True),
        ("x.y (deposed object 1a2b3c4d): Destroying... [id=1]", True),
        ("Plan: 2 to add, 0 to change, 0 to destroy.", False),  # it may have failed half-way
        ("x.y (local-exec): x.y: Creating...", False),
        ("x.y: Refreshing state... [id=1]", False),
        (ui("x", type="apply_errored", hook={"resource": {"addr": "x.y"}, "action": "create"}), True),
        (ui("x", type="apply_complete", hook={"resource": {"addr": "x.y"}, "action": "create"}), True),
        (ui("x", type="change_summary", changes={"add": 1, "operation": "plan"}), False),
        (ui("x", type="refresh_complete", hook={"resource": {"addr": "x.y"}}), False),
    ],
)
def test_whether_a_change_has_begun_is_known(text, begun):
    """By terraform's reports, for people and in JSON."""
    assert progress_of(f"{text}\n").begun is begun


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_a_finished_change_is_known_by_its_message(action):
    """A message `apply_complete` of -json."""
    hook = {"resource": {"addr": "aws_x.y"}, "action": action, "elapsed_seconds": 2}
    begun, done = (ui("x", type=type_, hook=hook) for type_ in ("apply_start", "apply_complete"))
    assert progress_of(begun + done).finished == [change(action, "aws_x.y")]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "apply_complete", "hook": {"resource": {"addr": "a"}, "action": "read", "elapsed_seconds": 1}},
        {"type": "apply_start", "hook": {"resource": {"addr": "a"}, "action": "create", "elapsed_seconds": 1}},
        {"type": "apply_progress", "hook": {"resource": {"addr": "a"}, "elapsed_seconds": "1"}},
        {"type": "apply_progress", "hook": {"resource": {"addr": 1}, "elapsed_seconds": 1}},
        {"type": "apply_progress", "hook": {"resource": [], "elapsed_seconds": 1}},
        {"type": "apply_progress", "hook": ["elapsed_seconds"]},
        {"type": "apply_"},
        ["apply_"],
    ],
)
def test_other_messages_are_ignored(body):
    """Whatever their shape."""
    reader = progress_of("@\n" + json.dumps(body) + "\n" + json.dumps(body)[:-1] + ' "apply_"\n')
    assert (reader.finished, reader.elapsed_s) == ([], {})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "1e300"])
def test_numbers_that_are_no_duration_count_as_zero(number):
    """Python's JSON parser accepts more than JSON."""
    hook = f'{{"resource":{{"addr":"a"}},"elapsed_seconds":{number}}}'
    text = f'{{"@level":"info","type":"apply_progress","hook":{hook}}}\n'
    assert progress_of(text).elapsed_s == {"a": 0}


def test_the_number_of_durations_is_bounded():
    """The first thousand addresses are kept."""
    text = "".join(f"aws_x.y{number}: Still creating... [10s elapsed]\n" for number in range(ELAPSED_KEPT + 5))
    assert len(progress_of(f"{text}aws_x.y0: Still creating... [20s elapsed]\n").elapsed_s) == ELAPSED_KEPT
    assert progress_of(f"{text}aws_x.y0: Still creating... [20s elapsed]\n").elapsed_s["aws_x.y0"] == 20


@pytest.mark.parametrize("size", [1, 17, 64])
def test_the_progress_of_captures_is_read(size):
    """A provider polled for almost four minutes, on a terminal and in JSON."""
    terminal = progress_of((CORPUS / "tf1.11.4-mixed-pty80.raw").read_bytes(), size=size)
    assert (terminal.elapsed_s, terminal.finished) == ({"aws_ecs_service.ecs": 230}, [])
    messages = progress_of((CORPUS / "tf1.11.4-mixed-json.stdout.raw").read_bytes(), size=size)
    assert messages.elapsed_s["aws_ecs_service.ecs"] == 240
    done = progress_of((CORPUS / "tf1.11.4-localexec-pty40.raw").read_bytes(), size=size)
    assert done.finished == [change("create", "terraform_data.cluster")]


def test_an_update_is_unfinished_until_it_is_reported_as_complete():
    """A creation is no update."""
    text = "a.b: Creating...\na.c: Modifying...\na.c: Modifications complete after 1s\na.d: Modifying...\n"
    assert unfinished_updates(progress_of(text)) == {"a.d"}


@pytest.mark.parametrize(
    ("type_", "action", "going_on"),
    [
        ("apply_start", "update", {"a.b"}),
        ("apply_start", "create", set()),
        ("planned_change", "update", set()),
        ("apply_progress", "update", set()),
    ],
)
def test_an_update_has_begun_when_its_message_says_so(type_, action, going_on):
    """In -json, too: a retry refreshes after an update that failed."""
    hook = {"resource": {"addr": "a.b"}, "action": action}
    line = json.dumps({"@level": "info", "hook": hook, "type": type_}, separators=(",", ":"))
    assert unfinished_updates(progress_of(f"{line}\n")) == going_on
    complete = line.replace(type_, "apply_complete")
    assert unfinished_updates(progress_of(f"{line}\n{complete}\n")) == set()


def test_a_duration_below_a_second_counts():
    """The address is known to have been changed."""
    hook = {"resource": {"addr": "a.b"}, "action": "create", "elapsed_seconds": 0.5}
    line = json.dumps({"@level": "info", "hook": hook, "type": "apply_errored"}, separators=(",", ":"))
    assert progress_of(f"{line}\n").elapsed_s == {"a.b": 0}


FALSE_REPORTS = "a.b: Creation complete after 0s [id=x]\n"
START = "a.a: Creating...\na.b: Creating...\na.a: Creation complete after 0s\n"
LOGGED = "2026-11-26T10:00:01.123Z [ERROR] vertex error: Stack failed\n"


@pytest.mark.parametrize(
    "begins", ["Error: Stack failed", "Error: ", "Error:", "Warning: Old", "Warning: ", LOGGED, f"\x1b[31m{LOGGED}"]
)
@pytest.mark.parametrize(
    "false_reports",
    [FALSE_REPORTS, ui("x", type="apply_complete", hook={"resource": {"addr": "a.b"}, "action": "create"})],
)
def test_completions_in_a_diagnostic_or_a_log_are_no_reports(begins, false_reports):
    """Without colour its text stands at the margin, as terraform's reports do; all reports come before it."""
    reader = progress_of(f"{START}{begins}\n\nStack output:\n\n{false_reports}")
    assert reader.finished == [change("create", "a.a")]
    assert reader.is_cut == (LOGGED in begins)


def test_reports_have_one_form():
    """Text among messages is no report, and a message among text is none."""
    begin, done = (
        ui("x", type=f"apply_{type_}", hook={"resource": {"addr": "a.b"}, "action": "create"})
        for type_ in ("start", "complete")
    )
    assert progress_of(f"{START}{done}").finished == [change("create", "a.a")]
    assert progress_of(f"{begin}{START}{FALSE_REPORTS}").finished == []
    assert progress_of(f"{begin}{START}{FALSE_REPORTS}{done}").finished == [change("create", "a.b")]


def test_a_warning_of_the_plan_does_not_end_the_reports():
    """It is printed before any change begins."""
    reader = progress_of(f"Warning: Old\n\nIt is old.\n\na.b: Creating...\n{FALSE_REPORTS}")
    assert reader.finished == [change("create", "a.b")]


@pytest.mark.parametrize(
    ("lines", "provisioned"),
    [
        (["a.b: Destroying... [id=x]", "a.b: Provisioning with 'local-exec'..."], {"a.b"}),
        (["a.b (deposed object 0a): Destroying...", "a.b: Provisioning with 'local-exec'..."], {"a.b"}),
        (["a.b: Creating...", "a.b: Provisioning with 'local-exec'..."], set()),
        (["a.b: Destroying...", "a.b: Destruction complete after 0s", "a.b: Provisioning with 'x'..."], set()),
        (["a.b: Destroying...", "a.c: Provisioning with 'local-exec'..."], set()),
    ],
    ids=str,
)
def test_a_destroy_time_provisioner_is_one_that_begins_while_its_object_is_destroyed(lines, provisioned):
    """A provisioner that begins during a creation is not destroy-time."""
    assert progress_of("".join(f"{line}\n" for line in lines)).destroy_provisioned == provisioned


def test_messages_report_destroy_time_provisioners_too():
    """By `provision_start` after the `apply_start` of a deletion."""
    hook = {"resource": {"addr": "a.b"}, "action": "delete"}
    begun = ui("x", type="apply_start", hook=hook) + ui("x", type="provision_start", hook={"resource": {"addr": "a.b"}})
    assert progress_of(begun).destroy_provisioned == {"a.b"}

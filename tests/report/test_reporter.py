"""The lines on stderr: on a terminal, in a pipe, in colour and without."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time

import pytest
from aws_errors import SENTENCE
from harness import STDIO, Program
from terraform_output import DENIED_ERROR, ROLE_ERROR, TFRETRY, run

from tfretry.report.countdown import count_down, fitting
from tfretry.report.phrases import duration
from tfretry.report.reporter import IN_AUTOMATION
from tfretry.report.stderr import TIMEOUT_MS, write_stderr

ERASED = re.compile(rb"\r\x1b\[J[^\r\n]*\r(?=\r\x1b\[J)")


class Screen:
    """A terminal that wraps lines at its width, and again when it is resized; the cursor keeps its place."""

    def __init__(self, columns):
        self.columns = columns
        self.lines = [""]
        self.at = 0  # the cursor, in the last line

    def write(self, text):
        for token in re.findall(r"\x1b\[J|.", text, re.DOTALL):
            if token == "\x1b[J":
                self.lines[-1] = self.lines[-1][: self.at]
            elif token == "\n":
                self.lines.append("")
                self.at = 0
            elif token == "\r":
                self.at -= self.at % self.columns  # to the margin of the row that the cursor is on
            else:
                self.lines[-1] = f"{self.lines[-1][: self.at]}{token}{self.lines[-1][self.at + 1 :]}"
                self.at += 1


def count_three_seconds(screen, *actions):
    """Count three seconds on *screen*; in each second, call the next of *actions*."""
    now, upcoming = [0.0], iter(actions)

    def sleep(seconds):
        now[0] += seconds
        next(upcoming, lambda: None)()

    count_down(
        3.0,
        sleep=sleep,
        describe=lambda left_s: f"tfretry: retrying in {left_s}s (attempt 1 failed after 12s: {'x' * 60})",
        write=screen.write,
        clock=lambda: now[0],
        columns=lambda: screen.columns,
    )


def test_the_countdown_is_erased_after_a_resize_and_typed_keys():
    """None of it is left, and no line of terraform's is erased."""
    screen = Screen(80)
    screen.write("of terraform\n")
    count_three_seconds(
        screen, lambda: setattr(screen, "columns", 20), lambda: screen.write("^C"), lambda: screen.write("^C^Z")
    )
    assert screen.lines == ["of terraform", ""]


def test_a_wait_of_less_than_a_second_has_no_countdown(scripted):
    """It would disappear before anybody could read it."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    _, seen = on_terminal("--first-wait=0s", "apply", NO_COLOR="1")
    assert b"; retrying in 0s\n" in seen
    assert b"\x1b[J" not in seen


def test_an_interrupt_that_the_terminal_echoes_leaves_nothing_of_the_countdown(scripted):
    """The last line begins at the left margin."""
    scripted((1, "", ROLE_ERROR))
    env = {**os.environ, "TFRETRY_FIRST_WAIT": "20s", "TERM": "xterm", "NO_COLOR": "1"}
    with contextlib.closing(Program([*TFRETRY, "apply"], terminal=STDIO, env=env)) as program:
        program.read_until(b"tfretry: retrying in ")
        program.type(b"\x03")
        assert program.wait() == 130
        after = program.output[1].rpartition(b"^C")[2]
    assert after == b"\r\x1b[Jtfretry: interrupted by SIGINT between two attempts; nothing was running\r\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (0.4, "0.4s"),
        (6, "6s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (41.4, "41s"),
        (59.6, "1m"),
        (60, "1m"),
        (902, "15m2s"),
        (3600, "1h"),
        (3780, "1h3m"),
    ],
)
def test_durations_are_written_as_people_write_them(seconds, text):
    """In the unit that matters."""
    assert duration(seconds) == text


def on_terminal(*arguments, size=(24, 80), **environ):
    """Run tfretry on a terminal; return its exit code and output, without the carriage returns of the terminal."""
    env = {**os.environ, "TFRETRY_FIRST_WAIT": "1500ms", "TERM": "xterm", **environ}
    with contextlib.closing(Program([*TFRETRY, *arguments], terminal=STDIO, size=size, env=env)) as program:
        program.wait()
        return program.code, program.output[1].replace(b"\r\n", b"\n")


def test_a_countdown_runs_on_a_terminal_and_is_erased(scripted):
    """It is rewritten in place, and erased before terraform starts again."""
    scripted((1, "one\n", ROLE_ERROR), (0, "two\n", ""))
    code, seen = on_terminal("apply")
    assert code == 0
    assert seen.count(b"tfretry: retrying in ") >= 2
    before, _, after = seen.partition(b"two\n")
    assert before.endswith(b"\r\x1b[J")
    assert ERASED.sub(b"", before).removesuffix(b"\r\x1b[J").decode() == "one\n" + ROLE_ERROR
    assert b"applied on attempt 2" in after


@pytest.mark.parametrize("columns", [1, 12, 40])
def test_the_countdown_fits_a_narrow_window(scripted, columns):
    """A line that wraps could not be rewritten."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    _, seen = on_terminal("apply", size=(24, columns))
    lines = re.findall(rb"\r\x1b\[J([^\r\n]*)", seen)
    assert lines
    assert all(len(line.decode()) < columns or b"applied" in line for line in lines)


@pytest.mark.usefixtures("short_waits")
def test_there_is_no_countdown_in_a_pipe(scripted):
    """Each retry is one line."""
    scripted((1, "", ROLE_ERROR), (1, "", ROLE_ERROR), (0, "", ""))
    stderr = run("apply").stderr
    assert b"\x1b[J" not in stderr
    assert stderr.count(b"; retrying in ") == 2


def test_quiet_and_json_have_no_countdown(scripted):
    """Not even on a terminal."""
    for option in ("--quiet", "--log-format=json"):
        runs = scripted((1, "", ROLE_ERROR), (0, "", ""))
        code, seen = on_terminal(option, "apply")
        assert (code, len(runs())) == (0, 2)
        assert b"\x1b[J" not in seen


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_variables_decide_about_colour_before_the_terminal(scripted, monkeypatch, environ, coloured):
    """NO_COLOR, then FORCE_COLOR, then isatty(stderr)."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    scripted((1, "", ROLE_ERROR + DENIED_ERROR))
    ours = run("apply").stderr.splitlines()[-1]
    assert ours.startswith(b"\x1b[31mtfretry:\x1b[0m not retried") is coloured
    assert ours.startswith(b"tfretry: not retried") is not coloured


def test_a_terminal_has_colour(scripted):
    """Except a dumb one."""
    scripted((1, "", ROLE_ERROR + DENIED_ERROR))
    assert b"\x1b[31mtfretry:" in on_terminal("apply")[1]
    assert b"\x1b[31mtfretry:" not in on_terminal("apply", TERM="dumb")[1]


def test_our_line_begins_on_its_own_line_on_a_terminal(scripted):
    """Even if terraform has left its last line open."""
    scripted((1, "an open line", (ROLE_ERROR + DENIED_ERROR).rstrip("\n")))
    lines = on_terminal("apply", NO_COLOR="1")[1].splitlines()
    assert lines[-1].startswith(b"tfretry: not retried")


def test_control_characters_of_terraforms_text_do_not_reach_the_terminal(scripted):
    """The summary of an error may contain escape sequences."""
    scripted((1, "", ROLE_ERROR + DENIED_ERROR.replace("AccessDenied", "Access\x07\x1b]0;title\x07Denied")))
    ours = run("apply").stderr.splitlines()[-1]
    assert ours.startswith(b"tfretry: not retried")
    assert re.search(rb"[\x00-\x1f]", ours) is None


@pytest.mark.usefixtures("short_waits")
def test_the_remedy_is_reported_after_a_long_poll_of_the_provider(scripted):
    """After two minutes the role is more often missing than new."""
    waited = "aws_ecs_service.this: Still creating... [2m0s elapsed]\n"
    scripted((1, waited, ROLE_ERROR), (0, "", ""))
    stderr = run("apply").stderr.decode()
    assert "tfretry: the provider itself waited 2m: the role may be missing rather than new." in stderr
    assert stderr.index("aws iam create-service-linked-role") < stderr.index("retrying in")


@pytest.mark.usefixtures("short_waits")
def test_several_errors_are_counted(scripted):
    """The line names the first address and the number of other errors."""
    scripted((1, "", ROLE_ERROR + ROLE_ERROR.replace("service.this", "service.that")), (0, "", ""))
    assert b"tfretry: aws_ecs_service.this and 1 more: the ECS" in run("apply").stderr


@pytest.mark.usefixtures("short_waits")
def test_the_remedy_after_a_long_poll_is_reported_once(scripted):
    """After whichever attempt, and only for a cause with a remedy."""
    waited = "aws_ecs_service.this: Still creating... [2m0s elapsed]\n"
    scripted((1, "", ROLE_ERROR), (1, waited, ROLE_ERROR), (1, waited, ROLE_ERROR), (0, "", ""))
    assert run("apply").stderr.count(b"the provider itself waited") == 1
    other = ROLE_ERROR.replace(SENTENCE, "no such host")
    scripted((1, waited, other), (0, "", ""))
    assert b"the role may be missing" not in run("--retry-on=no such host", "apply").stderr


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {"TERM": ""}, *({name: "1"} for name in IN_AUTOMATION)], ids=str)
def test_a_terminal_whose_output_is_kept_as_a_log_has_no_countdown(scripted, environ):
    """Some CI systems give their jobs a terminal; a dumb terminal cannot rewrite a line."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    _, seen = on_terminal("apply", **environ)
    assert b"\x1b[J" not in seen
    assert b"; retrying in " in seen


def test_wide_characters_take_two_columns():
    """Otherwise a line of the countdown could wrap."""
    assert fitting("日本語", 5) == "日本"
    assert fitting("e\u0301e", 2) == "e\u0301e"
    assert fitting("abc", 0) == ""


def test_a_line_is_dropped_if_nobody_reads_stderr():
    """After two seconds, so that signals are handled."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writes, b"x" * 65536)
    os.set_blocking(writes, True)
    began_s = time.monotonic()
    write_stderr(b"tfretry: a line\n", descriptor=writes)
    assert time.monotonic() - began_s >= TIMEOUT_MS / 1000
    assert b"t" not in os.read(reads, 1 << 24)
    os.close(reads)
    os.close(writes)


@pytest.mark.usefixtures("short_waits")
def test_a_warning_about_the_report_begins_on_a_line_of_its_own(scripted):
    """Even if nothing else is reported."""
    scripted((0, "an open line", ""))
    command = [*TFRETRY, "--report=/nonexistent/x", "apply"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.stdout.startswith(b"an open line\ntfretry: the report could not be written")


def test_one_attempt_is_singular(scripted):
    """The sentence is grammatical."""
    scripted((1, "", ROLE_ERROR))
    assert b"gave up after 1 attempt in " in run("--max-attempts=1", "apply").stderr

"""The command of --on-retry: its variables, its output, and the meaning of its exit status."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess

import pytest
from harness import STDIO, Program, wait_until
from terraform_output import DENIED_ERROR, ROLE_ERROR, TFRETRY, run

pytestmark = pytest.mark.usefixtures("short_waits")

NOTE = (
    'echo "$TFRETRY_RETRY_ATTEMPT $TFRETRY_RETRY_CAUSE $TFRETRY_RETRY_ADDRESS" >>noted; '
    'echo "$TFRETRY_RETRY_WAIT_S" >>waits'
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(folder):
    path = folder / "noted"
    return path.read_text().splitlines() if path.exists() else []


def test_it_runs_before_each_retry_with_variables_about_the_failure(scripted, folder):
    """The attempt, the cause, the resource and the wait."""
    scripted((1, "", ROLE_ERROR), (1, "", ROLE_ERROR), (0, "", ""))
    assert run(f"--on-retry={NOTE}", "apply").returncode == 0
    assert noted(folder) == [f"{n} ecs-service-linked-role aws_ecs_service.this" for n in (1, 2)]
    assert all(0 < float(line) <= 0.02 for line in (folder / "waits").read_text().split())


@pytest.mark.parametrize("way", ["variable", "file"])
def test_the_variable_and_the_file_can_name_it(scripted, folder, monkeypatch, way):
    """As every option."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    if way == "variable":
        monkeypatch.setenv("TFRETRY_ON_RETRY", "touch noted")
    else:
        (folder / ".tfretry.toml").write_text('on_retry = "touch noted"')
    run("apply")
    assert (folder / "noted").exists()


@pytest.mark.parametrize(
    ("runs", "options", "times"),
    [
        ([(0, "", "")], [], 0),
        ([(1, "", DENIED_ERROR)], [], 0),
        ([(1, "", ROLE_ERROR + DENIED_ERROR)], [], 0),
        ([(1, "", ROLE_ERROR)], ["--max-attempts=1"], 0),
        ([(1, "", ROLE_ERROR)], ["--max-attempts=2"], 1),
        ([(1, "", ROLE_ERROR), (1, "", DENIED_ERROR)], [], 1),
    ],
)
def test_it_runs_only_before_a_retry(scripted, folder, runs, options, times):
    """Not after the last attempt, and not after a failure that is not retried."""
    scripted(*runs)
    run(f"--on-retry={NOTE}", *options, "apply")
    assert len(noted(folder)) == times


@pytest.mark.parametrize("content", ["an encrypted plan", '{"remote_plan_format":1}'])
def test_it_does_not_run_if_a_saved_plan_is_not_continued(scripted, folder, content):
    """The rest of the plan is checked before it runs."""
    runs = scripted((1, "", ROLE_ERROR))
    (folder / "tfplan").write_text(content)
    done = run(f"--on-retry={NOTE}", "apply", "tfplan")
    assert (done.returncode, len([line for line in runs() if line.startswith("apply")])) == (1, 1)
    assert b"tfretry: not continued: " in done.stderr
    assert noted(folder) == []


def test_its_outputs_go_to_stderr_and_it_has_no_input(scripted):
    """Stdout is terraform's; our own line begins on a line of its own."""
    scripted((1, "out\n", ROLE_ERROR.rstrip("\n")), (0, "", ""))
    done = run("--on-retry=cat; echo one; printf two >&2", "apply", input=b"typed")
    assert (done.returncode, done.stdout) == (0, b"out\n")
    assert done.stderr.startswith(ROLE_ERROR.encode() + b"one\ntwo\ntfretry: aws_ecs_service.this: ")


def test_it_has_no_terminal(scripted, folder):
    """A pager would wait for a key."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    hook = "--on-retry=for fd in 0 1 2; do [ -t $fd ] && echo $fd; done >noted; true"
    with contextlib.closing(Program([*TFRETRY, hook, "apply"], terminal=STDIO)) as program:
        assert program.wait() == 0
    assert noted(folder) == []


def test_terraform_does_not_get_its_variables(fake_terraform, folder):
    """They are set for the command alone."""
    (folder / "error").write_text(ROLE_ERROR)
    fake_terraform("env | grep TFRETRY_RETRY_ >>seen; [ -e noted ] && exit; touch noted; cat error >&2; exit 1")
    assert run("--on-retry=true", "apply").returncode == 0
    assert (folder / "seen").read_text() == ""


def test_with_json_each_line_of_its_output_is_a_message(scripted):
    """A reader of both streams can parse each line."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("--log-format=json", "--on-retry=echo one; printf two >&2", "apply")
    lines = [json.loads(line) for line in done.stderr.removeprefix(ROLE_ERROR.encode()).splitlines()]
    assert [line["type"] for line in lines] == ["tfretry_on_retry"] * 2 + ["tfretry_retrying", "tfretry_applied"]
    assert [line["@message"] for line in lines[:2]] == ["one", "two"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("exit 3", "the --on-retry command ended with status 3"),
        ("kill -9 $$", "the --on-retry command was ended by SIGKILL"),
        ("kill -35 $$", "the --on-retry command was ended by signal 35"),
        ("nowhere-to-be-found", "the --on-retry command ended with status 127"),
    ],
)
def test_its_failure_ends_the_run_with_terraforms_exit_code(scripted, folder, command, reason):
    """Nothing is retried, and a line explains it."""
    runs = scripted((1, "", ROLE_ERROR))
    done = run("--report=report.json", f"--on-retry={command}", "apply")
    assert (done.returncode, len(runs())) == (1, 1)
    assert done.stderr.decode().splitlines()[-1] == f"tfretry: not retried: {reason}"
    report = json.loads((folder / "report.json").read_text())
    assert (report["outcome"], report["reason"]) == ("not-retried", reason)


def test_a_tfretry_in_the_command_does_not_run_the_command_again(scripted, monkeypatch):
    """Each would run it again: the applies would multiply."""
    runs = scripted((1, "", ROLE_ERROR))
    monkeypatch.setenv("TFRETRY_ON_RETRY", f"{shlex.join(TFRETRY)} --max-attempts=2 apply -target=x || true")
    assert run("--max-attempts=3", "apply").returncode == 1
    assert (runs().count("apply -target=x"), len(runs())) == (4, 3 + 2 * 2)


def test_its_duration_is_subtracted_from_the_wait(scripted):
    """Its duration counts as waiting."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    assert b"; retrying in 0s\n" in run("--on-retry=sleep 1", "apply").stderr


# The first sleep: directly after the start of a process it is not certain which signals have reached it. The last one
# leaves time for a second signal.
NOTES_SIGNALS = (
    "trap 'echo received >>noted' TERM INT; sleep 0.5; touch running; n=0; "
    "while [ ! -e noted ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done; sleep 1"
)


def test_a_signal_is_forwarded_to_it_once_and_ends_the_run(scripted, folder):
    """The exit code is 128+N, and nothing is retried."""
    runs = scripted((1, "", ROLE_ERROR))
    command = [*TFRETRY, "--report=report.json", f"--on-retry={NOTES_SIGNALS}; exit 5", "apply"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as started:
        wait_until((folder / "running").exists, what="the command runs")
        started.send_signal(signal.SIGTERM)
        _, stderr = started.communicate(timeout=60)
    assert (started.returncode, len(runs()), noted(folder)) == (143, 1, ["received"])
    assert stderr.splitlines()[-1] == (
        b"tfretry: interrupted by SIGTERM between two attempts; the --on-retry command was running"
    )
    assert json.loads((folder / "report.json").read_text())["outcome"] == "interrupted"


def test_ctrl_c_reaches_it_once(scripted, folder):
    """It is in our process group, and gets the signal from the terminal."""
    scripted((1, "", ROLE_ERROR))
    argv = [*TFRETRY, f"--on-retry={NOTES_SIGNALS}", "apply"]
    with contextlib.closing(Program(argv, terminal=STDIO)) as program:
        program.read_while(lambda: not (folder / "running").exists(), what="the command runs")
        program.type(b"\x03")
        assert program.wait() == 130
    assert noted(folder) == ["received"]


def test_a_process_that_it_leaves_behind_delays_nothing(scripted, folder):
    """A process in the background may keep its output open for ever."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    try:
        assert run("--on-retry=sleep 300 & echo $! >noted", "apply").returncode == 0
    finally:
        os.kill(int(noted(folder)[0]), signal.SIGKILL)

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from aws_errors import AWS
from render import Content, message, ui
from terraform_output import CREATING, DENIED_ERROR, ROLE_ERROR, TFRETRY, run

from tfretry import __version__
from tfretry.cli import main


@pytest.mark.usefixtures("short_waits")
def test_the_role_error_is_retried_until_the_apply_succeeds(scripted):
    """Exit code 0; terraform's bytes are untouched, and our lines are on stderr."""
    runs = scripted((1, CREATING, ROLE_ERROR), (0, "Apply complete!\n", ""))
    done = run("apply", "-auto-approve")
    assert done.returncode == 0
    assert done.stdout == f"{CREATING}Apply complete!\n".encode()
    assert done.stderr.startswith(ROLE_ERROR.encode())
    ours = done.stderr.decode().removeprefix(ROLE_ERROR).splitlines()
    assert ours[0].startswith(
        "tfretry: aws_ecs_service.this: the ECS service-linked role cannot be assumed yet (attempt 1 failed after "
    )
    assert "; retrying in " in ours[0]
    assert ours[1].startswith("tfretry: applied on attempt 2, ")
    assert runs() == ["apply -auto-approve", "apply -refresh=false -auto-approve"]


def test_nothing_is_added_if_the_first_apply_succeeds(scripted):
    """Not a byte, on either stream."""
    scripted((0, "Apply complete!\n", "a warning\n"))
    done = run("apply")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"Apply complete!\n", b"a warning\n")


def test_a_permanent_error_is_not_retried(scripted):
    """One apply, terraform's exit code, and no line of ours."""
    runs = scripted((1, "", DENIED_ERROR), (0, "", ""))
    done = run("apply")
    assert (done.returncode, done.stderr, len(runs())) == (1, DENIED_ERROR.encode(), 1)


def test_a_permanent_error_beside_a_role_error_prevents_a_retry(scripted):
    """A line names the error."""
    runs = scripted((1, "", ROLE_ERROR + DENIED_ERROR), (0, "", ""))
    done = run("apply")
    last = done.stderr.decode().splitlines()[-1]
    assert (done.returncode, len(runs())) == (1, 1)
    assert last.startswith("tfretry: not retried: aws_ecs_cluster.c failed for another reason (creating ECS Service")


@pytest.mark.usefixtures("short_waits")
def test_giving_up_names_the_remedy(scripted):
    """The exit code is terraform's last one."""
    runs = scripted((1, "", ROLE_ERROR))
    done = run("--max-attempts", "3", "apply")
    assert (done.returncode, len(runs())) == (1, 3)
    assert b"tfretry: gave up after 3 attempts in " in done.stderr
    assert (
        b"; terraform's exit code was 1. If the role is missing, create it once: aws iam create-service" in done.stderr
    )
    assert b'resource "aws_iam_service_linked_role" "ecs"' in done.stderr


@pytest.mark.usefixtures("short_waits")
def test_a_retry_that_fails_for_good_is_explained(scripted):
    """The last line says why there was no third attempt."""
    runs = scripted((1, "", ROLE_ERROR), (1, "", DENIED_ERROR))
    done = run("apply")
    assert (done.returncode, len(runs())) == (1, 2)
    assert b"tfretry: not retried: aws_ecs_cluster.c failed for another reason" in done.stderr


def test_a_first_wait_of_zero_retries_at_once(scripted):
    """There is one retry, without a wait."""
    runs = scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("--first-wait=0s", "apply")
    assert (done.returncode, len(runs())) == (0, 2)
    assert b"retrying in 0s" in done.stderr


LOCK_ERROR = "\nError: Error acquiring the state lock\n\nError message: resource temporarily unavailable\n"


@pytest.mark.usefixtures("short_waits")
def test_after_a_lock_error_of_a_retry_the_option_that_waits_is_named(scripted):
    """A lock error of the first attempt needs no explanation."""
    scripted((1, "", ROLE_ERROR), (1, "", LOCK_ERROR))
    last = run("apply").stderr.splitlines()[-1]
    assert last.startswith(b"tfretry: not retried: terraform failed for another reason (Error acquiring the state lock")
    assert b"-lock-timeout" in last
    scripted((1, "", LOCK_ERROR))
    assert b"tfretry" not in run("apply").stderr


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    "progress",
    [
        "aws_ecs_service.this: Refreshing state... [id=x]\n",
        "Terraform planned the following actions, but then encountered a problem:\n\nPlan: 1 to add, 0 to change\n",
        'x.y (local-exec): a.b: Creating...\n{"@level":"info","type":"change_summary"}\n',
    ],
)
def test_after_an_attempt_that_changed_nothing_the_retry_refreshes(scripted, progress):
    """Terraform has saved no state, and so the drift that the refresh found is lost."""
    runs = scripted((1, progress, ROLE_ERROR), (0, "", ""))
    assert run("apply").returncode == 0
    assert runs() == ["apply", "apply"]


@pytest.mark.usefixtures("short_waits")
def test_a_backend_that_needs_a_refresh_gets_it(scripted):
    """Old Terraform Enterprise refuses -refresh=false: one more attempt is made without it."""
    refusal = "\nError: Planning without refresh is not supported\n\nCurrently, ...\n"
    runs = scripted((1, CREATING, ROLE_ERROR), (1, "", refusal), (1, CREATING, ROLE_ERROR), (0, "", ""))
    assert run("apply").returncode == 0
    assert runs() == ["apply", "apply -refresh=false", "apply", "apply"]


@pytest.mark.usefixtures("short_waits")
def test_an_approval_that_nobody_can_give_is_explained(scripted):
    """A piped `yes` answers only the first attempt."""
    scripted((1, "", ROLE_ERROR), (1, "", "\nError: error asking for approval: EOF\n\n"))
    done = run("apply", input=b"yes\n")
    assert done.returncode == 1
    assert b"terraform asked for approval again and stdin was at its end" in done.stderr


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("code", "stdout", "stderr"), [(1, "Apply cancelled.\n", ""), (2, "", ROLE_ERROR), (0, "", "")]
)
def test_nothing_else_is_retried_or_explained(scripted, code, stdout, stderr):
    """A "no" at the prompt, another exit code, a success that prints an error."""
    runs = scripted((code, stdout, stderr), (0, "again", ""))
    done = run("apply")
    assert (done.returncode, len(runs())) == (code, 1)
    assert done.stderr.decode() == stderr


@pytest.mark.parametrize("code", [*range(0, 256, 17), 2, 11, 125, 126, 127, 254])
def test_our_exit_code_is_that_of_terraform(fake_terraform, code):
    """For an apply and for a command that is passed through."""
    fake_terraform(f"exit {code}")
    assert run("apply").returncode == code
    assert run("plan").returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGSEGV, signal.SIGINT])
def test_we_die_of_the_signal_that_terraform_died_of(fake_terraform, number):
    """So a caller that looks at the signal sees the same."""
    fake_terraform(f"kill -{int(number)} $$; sleep 5")
    assert run("apply").returncode == -number
    assert run("plan").returncode == -number


def test_a_variable_file_that_is_a_fifo_is_not_retried(scripted, tmp_path):
    """It would be empty the second time; a line explains it."""
    runs = scripted((1, "", ROLE_ERROR))
    os.mkfifo(tmp_path / "fifo")
    done = run("apply", f"-var-file={tmp_path / 'fifo'}")
    assert (done.returncode, len(runs())) == (1, 1)
    assert b"tfretry: not retried: -var-file=" in done.stderr


def test_our_line_begins_on_a_line_of_its_own(scripted):
    """Even after output without a final newline."""
    scripted((1, "", (ROLE_ERROR + DENIED_ERROR).rstrip("\n")))
    assert b"\ntfretry: not retried: " in run("apply").stderr


@pytest.mark.usefixtures("short_waits")
def test_quiet_reports_no_success(scripted):
    """Not even after a retry."""
    runs = scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("--quiet", "apply")
    assert (done.returncode, done.stderr.decode(), len(runs())) == (0, ROLE_ERROR, 2)


@pytest.mark.usefixtures("short_waits")
def test_quiet_reports_giving_up(scripted):
    """But no retry."""
    scripted((1, "", ROLE_ERROR))
    stderr = run("--quiet", "--max-attempts=2", "apply").stderr
    assert b"retrying in" not in stderr
    assert b"tfretry: gave up after 2 attempts" in stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--nonsense", "apply"], 125, "tfretry: there is no option --nonsense; see tfretry --help"),
        (["-chdir=x", "--quiet", "apply"], 125, "tfretry: --quiet is misplaced"),
        (["--timeout"], 125, "tfretry: --timeout needs a value"),
        (["--help=x"], 125, "tfretry: --help takes no value"),
        (["--timeout=soon", "apply"], 125, "tfretry: --timeout: 'soon' is not understood; expected a duration"),
        (["--terraform=/nowhere", "apply"], 127, "tfretry: cannot find '/nowhere'"),
        (["--terraform=/etc/passwd", "plan"], 126, "tfretry: /etc/passwd cannot be executed"),
    ],
)
def test_misuse_is_one_sentence_and_an_exit_code_of_ours(arguments, code, sentence):
    """Never a traceback, and never terraform's 1 or 2."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.decode().startswith(sentence)
    assert done.stderr.count(b"\n") == 1


def test_a_bad_configuration_stops_no_command_that_is_passed_through(fake_terraform, tmp_path):
    """Only an apply reads it."""
    fake_terraform("echo plan")
    (tmp_path / ".tfretry.toml").write_text("timeout = oops")
    environ = {**os.environ, "TFRETRY_MAX_ATTEMPTS": "many"}
    assert run("plan", cwd=tmp_path, env=environ).stdout == b"plan\n"
    assert run("apply", cwd=tmp_path, env=environ).returncode == 125


@pytest.mark.usefixtures("no_coverage")
def test_a_command_that_is_passed_through_imports_nothing_heavy(fake_terraform):
    """No library, no dataclasses, no parser: every command waits for our imports."""
    fake_terraform("exit 0")
    command = [sys.executable, "-X", "importtime", "-m", "tfretry", "plan"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in imported.splitlines()}
    assert "tfretry.cli" in names
    heavy = {"sh", "tenacity", "structlog", "dataclasses", "argparse", "importlib.metadata", "tomllib", "json", "shlex"}
    heavy |= {"hashlib", "_hashlib", "socket", "re"}
    assert not names & heavy


def test_our_help_and_causes_start_no_terraform(monkeypatch, capfd):
    """They are printed on stdout with exit code 0, even if there is no terraform."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["--help"], set()) == 0
    assert "--retry-on REGEX" in capfd.readouterr().out
    assert main(["--list-causes"], set()) == 0
    listed = capfd.readouterr().out
    assert "ecs-service-linked-role (on by default)" in listed
    never = "never retried, unless a pattern of your own matches (--cause all enables all but network):"
    assert f"{never}\n  pattern  You cannot specify an IAM role" in listed
    assert "not even for a pattern of your own:\n  pattern  Saved plan is stale" in listed


def test_version_is_terraforms_on_stdout_and_ours_on_stderr(fake_terraform):
    """A script that parses stdout gets terraform's output alone."""
    fake_terraform('echo "Terraform v1.11.4 $*"')
    done = run("--version")
    assert done.stdout == b"Terraform v1.11.4 --version\n"
    assert done.stderr.decode() == f"tfretry {__version__}\n"


@pytest.mark.usefixtures("short_waits")
def test_log_format_json_writes_json_lines(scripted):
    """One object per line."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    stderr = run("--log-format=json", "apply").stderr.decode().removeprefix(ROLE_ERROR)
    retrying, applied = map(json.loads, stderr.splitlines())
    assert retrying["type"] == "tfretry_retrying"
    assert retrying["cause"] == "ecs-service-linked-role"
    assert retrying["address"] == "aws_ecs_service.this"
    assert applied["type"] == "tfretry_applied"
    assert applied["attempt"] == 2


@pytest.mark.usefixtures("short_waits")
def test_json_output_is_read_from_stdout(scripted):
    """With -json the diagnostics are on stdout only."""
    line = message(Content(summary=AWS, address="aws_ecs_service.j"))
    runs = scripted((1, line, ""), (0, "", ""))
    done = run("apply", "-json", "-auto-approve")
    assert (done.returncode, len(runs())) == (0, 2)
    assert done.stdout.decode() == line
    assert b"aws_ecs_service.j: the ECS" in done.stderr
    scripted((1, line, ""))
    assert run("--log-format=text", "--max-attempts=1", "apply", "-json").stderr.startswith(b"tfretry: gave up")


JSON_ERROR = message(Content(summary=AWS, address="s.a")).rstrip("\n")
JSON_PROGRESS = ui(
    "s.a: Still creating... [2m0s elapsed]",
    hook={"resource": {"addr": "s.a"}, "action": "create", "elapsed_seconds": 120},
    type="apply_progress",
)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("runs", "options", "events"),
    [
        ([(1, JSON_ERROR, ""), (0, "{}", "")], [], [("warn", "retrying"), ("info", "applied")]),
        ([(1, JSON_ERROR, "")], ["--max-attempts=1"], [("error", "gave_up")]),
        (
            [(1, JSON_ERROR, ""), (1, JSON_ERROR.replace("Unable", "X"), "")],
            [],
            [("warn", "retrying"), ("error", "not_retried")],
        ),
        ([(0, "{}", "")], ["--report=/nonexistent/x"], [("warn", "report_not_written")]),
        (
            [(1, JSON_PROGRESS + JSON_ERROR, ""), (0, "{}", "")],
            [],
            [("warn", "retrying"), ("info", "applied")],
        ),
    ],
)
def test_with_json_every_line_of_both_streams_is_a_message(scripted, runs, options, events):
    """In terraform's own form, even after a line that terraform has left open."""
    scripted(*runs)
    command = [*TFRETRY, *options, "apply", "-json", "-auto-approve"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    lines = done.stdout.splitlines()
    ours = [line for line in map(json.loads, lines) if line.get("@module") == "tfretry"]
    assert [(line["@level"], line["type"].removeprefix("tfretry_")) for line in ours] == events
    for line in lines:
        if b'"@module":"tfretry"' in line:
            assert line.startswith(b'{"@level":"')
    assert all(
        line["@message"] and datetime.fromisoformat(line["@timestamp"]).utcoffset() == timedelta() for line in ours
    )


def test_help_to_a_closed_stdout_is_an_error():
    """In one sentence, without a traceback."""
    done = subprocess.run(["sh", "-c", f"{' '.join(TFRETRY)} --help >&-"], capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (125, b"tfretry: cannot write to stdout (Bad file descriptor)\n")

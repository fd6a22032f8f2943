"""The file of --report."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from importlib.resources import files

import jsonschema
import pytest
from aws_errors import SENTENCE
from terraform_output import CREATING, DENIED_ERROR, ROLE_ERROR, TFRETRY, run

SCHEMA = json.loads(files("tfretry.report").joinpath("report.schema.json").read_text())


def checked(path):
    """Return the record at *path* after validating it against the schema."""
    content = json.loads(path.read_text())
    jsonschema.validate(content, SCHEMA, format_checker=jsonschema.FormatChecker())
    return content


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("runs", "options", "outcome", "exit_code", "attempts"),
    [
        ([(0, "", "")], [], "applied", 0, 1),
        ([(1, "", ROLE_ERROR), (0, "", "")], [], "applied", 0, 2),
        ([(1, "", DENIED_ERROR)], [], "failed", 1, 1),
        ([(3, "", "")], [], "failed", 3, 1),
        ([(1, "", ROLE_ERROR + DENIED_ERROR)], [], "not-retried", 1, 1),
        ([(1, "", ROLE_ERROR)], ["--max-attempts=2"], "gave-up", 1, 2),
    ],
)
def test_every_outcome_has_its_record(scripted, tmp_path, runs, options, outcome, exit_code, attempts):
    """Also a successful first apply, which nothing else reports."""
    scripted(*runs)
    path = tmp_path / "report.json"
    done = run(f"--report={path}", *options, "apply")
    content = checked(path)
    assert (content["outcome"], content["exit_code"], len(content["attempts"])) == (outcome, exit_code, attempts)
    assert done.returncode == exit_code


@pytest.mark.usefixtures("short_waits")
def test_a_record_describes_each_attempt(scripted, tmp_path):
    """Its wait, errors and command, without the values of variables."""
    scripted(
        (1, CREATING, ROLE_ERROR + DENIED_ERROR.replace("AccessDenied", SENTENCE)),
        (0, "", ""),
    )
    path = tmp_path / "report.json"
    run(f"--report={path}", "apply", "-var=token=s3cr3t", "-var", "key=s3cr3t")
    content = checked(path)
    first, second = content["attempts"]
    assert [error["address"] for error in first["errors"]] == ["aws_ecs_service.this", "aws_ecs_cluster.c"]
    assert {error["cause"] for error in first["errors"]} == {"ecs-service-linked-role"}
    assert second["waited_s"] > 0
    assert second["command"][1:] == ["apply", "-refresh=false", "-var=token=***", "-var", "key=***"]
    assert "s3cr3t" not in path.read_text()


def test_an_interrupted_wait_has_its_record(scripted, tmp_path):
    """The exit code in it is 128+N."""
    scripted((1, "", ROLE_ERROR))
    path = tmp_path / "report.json"
    with subprocess.Popen([*TFRETRY, f"--report={path}", "apply"], stderr=subprocess.PIPE) as started:
        lines = iter(started.stderr.readline, b"")
        assert any(b"retrying in" in line for line in lines)
        started.send_signal(signal.SIGTERM)
        assert b"interrupted by SIGTERM between two attempts; nothing was running" in started.stderr.read()
        assert started.wait() == 143
    content = checked(path)
    assert (content["outcome"], content["exit_code"]) == ("interrupted", 143)


def test_the_version_is_known_from_json_output(scripted, tmp_path):
    """Terraform's first message has it."""
    scripted((0, '{"@level":"info","terraform":"1.11.4","type":"version","ui":"1.2"}\n', ""))
    path = tmp_path / "report.json"
    run(f"--report={path}", "apply", "-json", "-auto-approve")
    assert checked(path)["terraform"]["version"] == "1.11.4"


@pytest.mark.parametrize("path", ["/nonexistent/report.json", "/dev/full", "/proc/report.json"])
def test_a_record_that_cannot_be_written_is_a_warning(scripted, path):
    """The exit code does not change."""
    scripted((0, "out\n", ""))
    done = run(f"--report={path}", "apply")
    assert (done.returncode, done.stdout) == (0, b"out\n")
    assert done.stderr.startswith(f"tfretry: the report could not be written to {path}: ".encode())
    assert done.stderr.count(b"\n") == 1


def test_a_record_replaces_an_older_one(scripted, tmp_path):
    """With the permissions of a new file; no temporary file is left."""
    scripted((0, "", ""))
    path = tmp_path / "report" / "report.json"
    path.parent.mkdir()
    path.write_text("old")
    old_umask = os.umask(0o027)
    try:
        run(f"--report={path}", "apply")
    finally:
        os.umask(old_umask)
    assert checked(path)["outcome"] == "applied"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in path.parent.iterdir()] == ["report.json"]


def test_many_runs_in_one_folder_share_nothing(scripted, tmp_path):
    """No temporary file has a fixed name."""
    scripted((0, "", ""))
    started = [subprocess.Popen([*TFRETRY, f"--report={tmp_path}/{n}.json", "apply"], cwd=tmp_path) for n in range(8)]
    assert [each.wait(timeout=60) for each in started] == [0] * 8
    assert all(checked(tmp_path / f"{n}.json")["outcome"] == "applied" for n in range(8))


def test_a_record_replaces_the_target_of_a_link(scripted, tmp_path):
    """The link itself stays."""
    scripted((0, "", ""))
    (tmp_path / "link.json").symlink_to("real.json")
    (tmp_path / "real.json").write_text("old")
    run("--report=link.json", "apply", cwd=tmp_path)
    assert checked(tmp_path / "real.json")["outcome"] == "applied"
    assert (tmp_path / "link.json").is_symlink()


def test_a_record_goes_into_a_descriptor(scripted, tmp_path):
    """`--report /dev/fd/3` and /dev/stderr cannot be replaced."""
    scripted((0, "", ""))
    with (tmp_path / "out").open("wb") as file:
        run(f"--report=/dev/fd/{file.fileno()}", "apply", pass_fds=(file.fileno(),))
    assert checked(tmp_path / "out")["outcome"] == "applied"
    assert json.loads(run("--report=/dev/stderr", "apply").stderr)["outcome"] == "applied"


def test_a_record_is_appended_to_the_log_behind_a_descriptor(scripted, tmp_path):
    """Neither the log nor what terraform has written to it is replaced."""
    scripted((0, "", "a warning\n"))
    log = tmp_path / "log"
    log.write_text("before\n")
    with log.open("ab") as stderr:
        command = [*TFRETRY, "--report=/dev/stderr", "apply"]
        subprocess.run(command, stderr=stderr, check=True, timeout=60)
    assert log.read_text().startswith("before\na warning\n{")
    assert log.read_text().endswith("}\n")


def test_a_fifo_without_a_reader_is_a_warning(scripted, tmp_path):
    """To open it must not block for ever."""
    scripted((0, "", ""))
    os.mkfifo(tmp_path / "fifo")
    done = run(f"--report={tmp_path / 'fifo'}", "apply")
    assert done.returncode == 0
    assert b"tfretry: the report could not be written to " in done.stderr


def test_an_impossible_path_is_a_warning(scripted, tmp_path):
    """Nothing that happens after the end of terraform changes its exit code."""
    scripted((0, "", ""))
    (tmp_path / ".tfretry.toml").write_text('report = "a\\u0000b"')
    done = run("apply", cwd=tmp_path)
    assert done.returncode == 0
    assert b"tfretry: the report could not be written to " in done.stderr


@pytest.mark.usefixtures("short_waits")
def test_a_terraform_that_was_removed_before_the_retry_has_its_record(fake_terraform, tmp_path):
    """The exit code is that of the failed apply."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    binary = fake_terraform(f'cat {tmp_path}/error >&2; rm "$0"; exit 1')
    done = run(f"--report={tmp_path / 'report.json'}", f"--terraform={binary}", "apply")
    assert done.returncode == 1
    assert b"tfretry: not continued: cannot run " in done.stderr
    assert checked(tmp_path / "report.json")["outcome"] == "refused"

"""Missing resources and broken environments: terraform's work and its exit code are never lost."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys

import pytest
from harness import HERE
from terraform_output import DENIED_ERROR, QUICK, ROLE_ERROR, TFRETRY, run

pytest_plugins = ["provider_fixture"]
UNLIMITED = "ulimit -S -f unlimited"  # in scripts that stand for terraform: the limit is for our files alone
WITHOUT_LINUX = (str(HERE / "without_linux.py"),)
RUN_MAIN = "from tfretry.__main__ import main; main()"
WITH_LONG_VARIABLE = """
variable "long" {}
resource "sim_service" "a" { name = "a" }
"""


def limit_files(size):
    """Limit each file that we write to *size* bytes, as on a full disk; pipes have no limit."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def fails_once(fake_terraform, tmp_path):
    """A terraform that fails once in each folder with the role error; its own files have no limit."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    return fake_terraform(
        f"""{UNLIMITED}
        printf '%s\\n' "$@" >>arguments
        [ -e tried ] && echo done && exit 0
        touch tried; cat {tmp_path}/error >&2; exit 1"""
    )


@pytest.mark.usefixtures("fails_once", "no_coverage")
@pytest.mark.parametrize("where", ["report", "summary"])
def test_on_a_full_disk_only_our_own_file_is_lost(tmp_path, monkeypatch, where):
    """A report that is not written is a warning; for a step summary there is none."""
    report, summary = tmp_path / "report.json", tmp_path / "summary"
    if where == "summary":
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    options = [f"--report={report}"] if where == "report" else []
    done = run(*QUICK, *options, "apply", cwd=tmp_path, preexec_fn=limit_files(0))
    assert (done.returncode, done.stdout) == (0, b"done\n")
    assert b"tfretry: applied on attempt 2" in done.stderr
    warning = f"tfretry: the report could not be written to {report}: File too large\n".encode()
    assert (warning in done.stderr) == (where == "report")
    assert not report.exists()
    assert list(tmp_path.glob(".tfretry-*")) == []


@pytest.mark.usefixtures("no_coverage")
@pytest.mark.parametrize("size", [0, 1000])
@pytest.mark.parametrize("start", [("-m", "tfretry"), WITHOUT_LINUX], ids=["in memory", "on disk"])
def test_on_a_full_disk_a_saved_plan_is_not_continued(sim, tmp_path, monkeypatch, size, start):
    """Terraform's exit code, a sentence, and no file is left."""
    sim.write(WITH_LONG_VARIABLE)
    sim.plan("tfplan", f"-var=long={'x' * 50}")
    sim.fail("create", "a", attempts=1)
    (tmp_path / "wrapper").write_text(f'#!/bin/sh\n{UNLIMITED}\nexec terraform "$@"\n')
    (tmp_path / "wrapper").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    command = [sys.executable, *start, *QUICK, f"--terraform={tmp_path}/wrapper", "apply", "tfplan"]
    options = {"capture_output": True, "text": True, "timeout": 100}
    done = subprocess.run(command, cwd=sim.folder, preexec_fn=limit_files(size), check=False, **options)
    assert done.returncode == 1
    no_room = "File too large" if size or start != WITHOUT_LINUX else "No usable temporary directory found in "
    assert "tfretry: not continued: " in done.stderr
    assert no_room in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sim.calls("create") == []


@pytest.mark.usefixtures("fails_once")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_descriptors_that_are_closed_at_the_start_do_no_harm(tmp_path, closed):
    """No descriptor of ours takes their numbers, and the retry is made."""

    def close():
        for fd in closed:
            with contextlib.suppress(OSError):
                os.close(fd)

    report = tmp_path / "report.json"
    done = subprocess.run(
        [*TFRETRY, *QUICK, f"--report={report}", "apply"], cwd=tmp_path, preexec_fn=close, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "arguments").read_text() == "apply\napply\n"
    assert '"outcome": "applied"' in report.read_text()


@pytest.mark.parametrize(("code", "library", "expected"), [(1, "structlog", 1), (0, "structlog", 0), (0, "sh", 125)])
def test_a_fault_of_ours_keeps_terraforms_exit_code(scripted, tmp_path, monkeypatch, code, library, expected):
    """A library is broken: the traceback asks for a report, but a successful apply stays successful."""
    scripted((code, "out\n", ROLE_ERROR if code else ""))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{library}.py").write_text("raise RuntimeError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    done = run(f"--report={tmp_path}/report.json", "apply")
    assert (done.returncode, done.stdout) == (expected, b"" if expected == 125 else b"out\n")
    assert b"RuntimeError: broken\ntfretry: internal error in tfretry " in done.stderr
    assert done.stderr.endswith(b"; please report it with the lines above\n")


def test_a_lack_of_descriptors_is_one_sentence(fake_terraform):
    """With an exit code of ours, since terraform has not run."""
    fake_terraform("echo out")
    no_descriptor = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)); {RUN_MAIN}"
    done = subprocess.run([sys.executable, "-c", no_descriptor, "apply"], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr == b"tfretry: Too many open files\n"


def test_an_unexpected_error_has_its_traceback(scripted, tmp_path):
    """A file that we miss is neither the user's mistake nor terraform's."""
    scripted((0, "out\n", ""))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "structlog.py").write_text("open('/nonexistent/file')")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "broken")}
    done = run(f"--report={tmp_path}/report.json", "apply", env=environ)
    assert done.returncode == 0
    assert b"No such file or directory: '/nonexistent/file'\ntfretry: internal error in tfretry " in done.stderr


@pytest.mark.parametrize(("number", "error"), [(6, ROLE_ERROR), (9, DENIED_ERROR)])
def test_a_terraform_that_is_killed_has_its_report(fake_terraform, tmp_path, number, error):
    """The exit code in it is 128+N; nothing is retried."""
    fake_terraform(f"cat {tmp_path}/error >&2; kill -{number} $$; sleep 60")
    (tmp_path / "error").write_text(error)
    done = run(f"--report={tmp_path}/report.json", "apply")
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == -number
    assert (report["exit_code"], len(report["attempts"])) == (128 + number, 1)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LC_ALL": "C"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TMPDIR": "/nonexistent", "HOME": "/nonexistent"},
    ],
    ids=str,
)
def test_a_minimal_environment_is_enough(fake_terraform, tmp_path, environ):
    """No home, no locale, no temporary folder: arguments arrive byte for byte, and the error is found."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    binary = fake_terraform(
        f"""printf '%s\\n' "$@" >>{tmp_path}/arguments
        [ -e {tmp_path}/tried ] && exit 0
        touch {tmp_path}/tried; cat {tmp_path}/error >&2; exit 1"""
    )
    command = [os.fsencode(word) for word in [sys.executable, "-m", "tfretry", "--first-wait=1ms", "apply"]]
    path = {"PATH": f"{binary.parent}:/usr/bin:/bin"}
    done = subprocess.run([*command, b"-var=a=\xff\xc3\xa9"], env={**path, **environ}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "arguments").read_bytes().count(b"-var=a=\xff\xc3\xa9\n") == 2
    assert b"tfretry: applied on attempt 2" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("fails_once")
def test_two_hundred_simultaneous_jobs_all_succeed(tmp_path):
    """They share nothing, although their reports have the same name."""
    folders = [tmp_path / str(number) for number in range(200)]
    started = []
    for folder in folders:
        folder.mkdir()
        command = ["nice", "-n", "19", *TFRETRY, *QUICK, "--report=report.json", "apply"]
        started.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    assert {each.communicate(timeout=500)[0] for each in started} == {b"done\n"}
    assert {each.returncode for each in started} == {0}
    assert {(folder / "report.json").read_text().count('"exit_code"') for folder in folders} == {3}

"""What is short, closed or missing around us: terraform's work and its exit code are never lost by it."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys

import pytest
from terraform_output import DENIED, ROLE_ERROR, TFRETRY, run

pytest_plugins = ["provider_fixture"]
QUICK = ("--first-wait=10ms", "--longest-wait=20ms")
UNLIMITED = "ulimit -S -f unlimited"  # what is ours alone: terraform's own files have room
MAIN = "from tfretry.__main__ import run; run()"
MODULE = """
variable "long" {}
resource "sim_service" "a" { name = "a" }
"""


def room_for(size):
    """Let each file of ours take *size* bytes only, as a disk that is nearly full; pipes are not concerned."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture
def heals(fake_terraform, tmp_path):
    """A terraform that meets the role error once in each folder; its files have room, whatever ours have."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    return fake_terraform(
        f"""{UNLIMITED}
        printf '%s\\n' "$@" >>arguments
        [ -e tried ] && echo done && exit 0
        touch tried; cat {tmp_path}/error >&2; exit 1"""
    )


@pytest.mark.usefixtures("heals", "no_coverage")
@pytest.mark.parametrize("where", ["report", "summary"])
def test_a_full_disk_costs_what_we_would_have_written_there_and_nothing_else(tmp_path, monkeypatch, where):
    """A report is missed by a warning, a step summary by nothing: it is an ornament."""
    report, summary = tmp_path / "report.json", tmp_path / "summary"
    if where == "summary":
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    options = [f"--report={report}"] if where == "report" else []
    done = run(*QUICK, *options, "apply", cwd=tmp_path, preexec_fn=room_for(0))
    assert (done.returncode, done.stdout) == (0, b"done\n")
    assert b"tfretry: applied on attempt 2" in done.stderr
    warning = f"tfretry: the report could not be written to {report}: File too large\n".encode()
    assert (warning in done.stderr) == (where == "report")
    assert not report.exists()
    assert list(tmp_path.glob(".tfretry-*")) == []


@pytest.mark.usefixtures("no_coverage")
@pytest.mark.parametrize(
    ("size", "sentence"),
    [(0, "no private directory can be made (No usable"), (50, "a file of the private directory: File too large")],
)
def test_a_full_disk_leaves_a_saved_plan_where_it_was(sim, tmp_path, monkeypatch, size, sentence):
    """What cannot be planned in private is not continued: terraform's exit code, a sentence, and nothing is left."""
    sim.write(MODULE)
    sim.plan("tfplan", f"-var=long={'x' * 50}")
    sim.fail("create", "a", attempts=1)
    (tmp_path / "wrapper").write_text(f'#!/bin/sh\n{UNLIMITED}\nexec terraform "$@"\n')
    (tmp_path / "wrapper").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    done = sim.tfretry(*QUICK, f"--terraform={tmp_path}/wrapper", "apply", "tfplan", preexec_fn=room_for(size))
    assert done.returncode == 1
    assert f"tfretry: not continued: {sentence}" in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sim.calls("create") == []


@pytest.mark.usefixtures("heals")
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_descriptors_that_are_closed_at_the_start_do_no_harm(tmp_path, closed):
    """Not to the whole program either: nothing of ours gets their numbers, and the retry goes on."""

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
    """A library that is broken: the traceback asks to be reported, but an apply that worked has worked."""
    scripted((code, "out\n", ROLE_ERROR if code else ""))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / f"{library}.py").write_text("raise RuntimeError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    done = run(f"--report={tmp_path}/report.json", "apply")
    assert (done.returncode, done.stdout) == (expected, b"" if expected == 125 else b"out\n")
    assert b"RuntimeError: broken\ntfretry: a fault of tfretry " in done.stderr
    assert done.stderr.endswith(b" itself; please report it with the lines above\n")


def test_where_no_process_can_be_started_it_is_said(fake_terraform):
    """In a sentence, with an exit code of ours: terraform has not run."""
    fake_terraform("echo out")
    no_descriptor = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8)); {MAIN}"
    done = subprocess.run([sys.executable, "-c", no_descriptor, "apply"], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (125, b"")
    assert done.stderr == b"tfretry: Too many open files\n"


def test_a_fault_that_is_no_want_is_told_in_full(scripted, tmp_path):
    """A file that we miss is neither the user's mistake nor terraform's."""
    scripted((0, "out\n", ""))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "structlog.py").write_text("open('/nonexistent/file')")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "broken")}
    done = run(f"--report={tmp_path}/report.json", "apply", env=environ)
    assert done.returncode == 0
    assert b"No such file or directory: '/nonexistent/file'\ntfretry: a fault of tfretry " in done.stderr


@pytest.mark.parametrize("fault", ["dies", "is killed"])
def test_a_terraform_that_dies_has_its_report(fake_terraform, tmp_path, fault):
    """Outcome and exit code tell the signal; nothing is retried after a death."""
    fake_terraform(f"cat {tmp_path}/error >&2; kill -{'9' if 'killed' in fault else '6'} $$; sleep 60")
    (tmp_path / "error").write_text(ROLE_ERROR if fault == "dies" else DENIED)
    report = tmp_path / "report.json"
    done = run(f"--report={report}", "apply")
    number = 6 if fault == "dies" else 9
    assert done.returncode == -number
    assert f'"exit_code": {128 + number}' in report.read_text()


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
def test_poor_surroundings_are_enough(fake_terraform, tmp_path, environ):
    """No home, no locale, no place for temporary files: arguments still arrive byte for byte, and the error is read."""
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
@pytest.mark.usefixtures("heals")
def test_two_hundred_jobs_that_start_in_one_second_all_heal(tmp_path):
    """They share nothing, not even where they are started from the same folder's parent with the same report's name."""
    folders = [tmp_path / str(number) for number in range(200)]
    started = []
    for folder in folders:
        folder.mkdir()
        command = ["nice", "-n", "19", *TFRETRY, *QUICK, "--report=report.json", "apply"]
        started.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    assert {each.communicate(timeout=500)[0] for each in started} == {b"done\n"}
    assert {each.returncode for each in started} == {0}
    assert {(folder / "report.json").read_text().count('"exit_code"') for folder in folders} == {3}

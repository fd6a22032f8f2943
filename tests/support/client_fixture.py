"""What the tests with real clients share: their packages, and a module whose first apply fails for want of the role.

For a test module that says `pytest_plugins = ["client_fixture"]`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

NO_NETWORK = (
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ENOTFOUND",
    "ETIMEDOUT",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "timed out",
)
SENTENCE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."


def install(package, argv, **options):
    """Install *package* by *argv*; without a network the test is skipped."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=500, **options)
    if done.returncode == 0:
        return
    said = done.stdout + done.stderr
    if any(reason in said for reason in NO_NETWORK):
        pytest.skip(f"there is no network to get {package} from")
    pytest.fail(said)


@pytest.fixture(scope="session")
def python_client(tmp_path_factory):
    """The folder of the programs of a virtual environment of its own for a package."""
    made: dict[str, Path] = {}

    def get(package):
        if package not in made:
            folder = tmp_path_factory.mktemp("venv")
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "--quiet", "--retries=1", "--timeout=20", package]
            install(package, pip)
            made[package] = folder / "bin"
        return made[package]

    return get


@pytest.fixture(scope="session")
def tfretry_binary():
    """The installed program, as a client is told its path."""
    script = Path(sysconfig.get_path("scripts")) / "tfretry"
    assert script.exists(), "tfretry is not installed: pip install ."
    return script


@pytest.fixture
def heals(tmp_path, monkeypatch, real_terraform):
    """An empty folder, and an environment in which the first retry makes the role."""
    assert real_terraform
    folder = tmp_path / "module"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "0s")
    monkeypatch.setenv("TFRETRY_ON_RETRY", f"touch {folder}/role")
    return folder


@pytest.fixture
def provisioner(heals):
    """A command that notes each try, and fails like the AWS CLI until the file `role` is there."""
    return f"echo try >>{heals}/tries; [ -e {heals}/role ] || {{ echo '{SENTENCE}' >&2; exit 254; }}"


@pytest.fixture
def module(heals, provisioner):
    """The same folder, with a module in it that needs the role."""
    (heals / "main.tf").write_text(
        f'resource "terraform_data" "s" {{\n  provisioner "local-exec" {{\n    command = "{provisioner}"\n  }}\n}}\n'
        'output "x" {\n  value = "made"\n}\n'
    )
    return heals


@pytest.fixture
def run_python(python_client):
    """Run a script with the Python of a package's environment; its output."""

    def run(package, script, *arguments):
        python = python_client(package) / "python"
        argv = [python, "-c", script, *map(os.fspath, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def cdktf(tmp_path_factory):
    """The program of the npm package cdktf-cli."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on PATH")
    folder = tmp_path_factory.mktemp("npm")
    argv = [npm, "install", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", folder, "cdktf-cli"]
    install("cdktf-cli", argv, cwd=folder)
    return folder / "node_modules" / ".bin" / "cdktf"

"""Programs that start terraform, each in an environment of its own, and a root module whose first apply fails.

A test module that uses it has `pytest_plugins = ["client_fixture"]`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from aws_errors import SENTENCE

NO_NETWORK = (
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ENOTFOUND",
    "ETIMEDOUT",
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "timed out",
)


def install(package, argv, **options):
    """Install *package* by *argv*; skip the test if there is no network."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=500, **options)
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    if any(reason in output for reason in NO_NETWORK):
        pytest.skip(f"no network to download {package}")
    pytest.fail(output)


@pytest.fixture(scope="session")
def python_client(tmp_path_factory):
    """Function that installs a package into an environment of its own, and returns the folder of its programs."""
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
    """Path of the installed tfretry."""
    script = Path(sysconfig.get_path("scripts")) / "tfretry"
    assert script.exists(), "tfretry is not installed: pip install ."
    return script


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one; before the first retry tfretry creates the file `role` in it."""
    folder = tmp_path / "module"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "0s")
    monkeypatch.setenv("TFRETRY_ON_RETRY", f"touch {folder}/role")
    return folder


@pytest.fixture
def provisioner(folder):
    """A command that logs each try in the file `tries`, and fails as the AWS CLI until the file `role` exists."""
    return f"echo try >>{folder}/tries; [ -e {folder}/role ] || {{ echo '{SENTENCE}' >&2; exit 254; }}"


@pytest.fixture
def module(folder, provisioner):
    """The same folder, with a module whose resource needs the role."""
    (folder / "main.tf").write_text(
        f'resource "terraform_data" "s" {{\n  provisioner "local-exec" {{\n    command = "{provisioner}"\n  }}\n}}\n'
        'output "x" {\n  value = "made"\n}\n'
    )
    return folder


@pytest.fixture
def run_python(python_client):
    """Function that runs a script with the Python of a package's environment and returns its output."""

    def run(package, script, *arguments):
        python = python_client(package) / "python"
        argv = [python, "-c", script, *map(os.fspath, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def cdktf(tmp_path_factory):
    """Path of the program of the npm package cdktf-cli."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on PATH")
    folder = tmp_path_factory.mktemp("npm")
    argv = [npm, "install", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", folder, "cdktf-cli"]
    install("cdktf-cli", argv, cwd=folder)
    return folder / "node_modules" / ".bin" / "cdktf"

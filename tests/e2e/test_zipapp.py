"""The single file that the README's command builds."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from terraform_output import ROLE_ERROR

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory) -> Path:
    """Path of tfretry.pyz, built by the README's command in a copy of the project."""
    folder = tmp_path_factory.mktemp("zipapp")
    shutil.copytree(ROOT / "tfretry", folder / "tfretry", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    (command,) = re.findall(r"^(pip install --target .*zipapp.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    command = command.replace("pip install", f"{shlex.quote(sys.executable)} -m pip install -q", 1)
    command = command.replace("python3 -m zipapp", f"{shlex.quote(sys.executable)} -m zipapp")
    subprocess.run(["sh", "-ec", command], cwd=folder, check=True, timeout=110)
    return folder / "tfretry.pyz"


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
def test_the_single_file_retries_and_keeps_exit_codes(zipapp, scripted):
    """Its libraries are in it: with -S no installed package is found."""
    runs = scripted((1, "", ROLE_ERROR), (7, "out\n", ""))
    alone = [sys.executable, "-IS", str(zipapp), "apply"]
    done = subprocess.run(alone, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, len(runs())) == (7, "out\n", 2)
    assert "tfretry: aws_ecs_service.this: the ECS service-linked role cannot be assumed yet" in done.stderr
    assert subprocess.run([sys.executable, str(zipapp), "plan"], check=False, timeout=60).returncode == 7


@pytest.mark.slow
def test_the_single_file_is_never_its_own_terraform(zipapp, tmp_path):
    """Nor through a link named `terraform`."""
    link = tmp_path / "terraform"
    link.symlink_to(zipapp)
    command = [sys.executable, str(zipapp), "--terraform", str(link), "plan"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 125
    assert "is tfretry itself" in done.stderr

"""The whole program with a real terraform: a `local-exec` prints the error of the AWS CLI until a file exists."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from aws_errors import CLI_FAILS, CLI_IS_DENIED, SENTENCE
from harness import wait_until
from terraform_output import TFRETRY

WAITS_FOR_ROLE = f"""
resource "terraform_data" "cluster" {{}}
resource "terraform_data" "service" {{
  depends_on = [terraform_data.cluster]
  provisioner "local-exec" {{
    command = "echo try >>tries; [ -e role ] || {{ {CLI_FAILS}; }}"
  }}
}}
"""
DENIED = f"""
resource "terraform_data" "denied" {{
  provisioner "local-exec" {{
    command = "{CLI_IS_DENIED}"
  }}
}}
"""
QUOTED = f"""
resource "terraform_data" "quoted" {{
  lifecycle {{
    precondition {{
      condition     = terraform.workspace == "other"
      error_message = "{SENTENCE}"
    }}
  }}
}}
"""


@pytest.fixture
def module(tmp_path, monkeypatch, real_terraform):  # noqa: ARG001  # it puts terraform on PATH
    """Function that writes a root module into the current folder, and returns the folder."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        (tmp_path / "main.tf").write_text(text)
        return tmp_path

    return write


def run(*arguments, **options):
    return subprocess.run([*TFRETRY, *arguments], capture_output=True, text=True, timeout=90, check=False, **options)


def tries(folder: Path) -> int:
    return (folder / "tries").read_text().count("try")


def test_the_role_becomes_ready_and_the_apply_succeeds(module):
    """Exit code 0; terraform's stdout is complete, and our lines are on stderr only."""
    folder = module(WAITS_FOR_ROLE)
    with subprocess.Popen(
        [*TFRETRY, "--first-wait=1s", "apply", "-auto-approve", "-no-color"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        wait_until((folder / "tries").exists, what="the first apply has called AWS")
        (folder / "role").touch()
        stdout, stderr = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "Apply complete! Resources: 1 added, 0 changed, 1 destroyed." in stdout
    assert "tfretry" not in stdout
    assert "tfretry: terraform_data.service: the ECS service-linked role cannot be assumed yet" in stderr
    assert "tfretry: applied on attempt 2" in stderr
    assert tries(folder) == 2


def test_a_permanent_error_is_not_retried(module):
    """Terraform's exit code, and no line of ours."""
    module(DENIED)
    done = run("apply", "-auto-approve")
    assert (done.returncode, "tfretry" in done.stderr) == (1, False)


def test_a_role_error_beside_a_permanent_one_is_not_retried(module):
    """A line names the permanent error."""
    folder = module(WAITS_FOR_ROLE + DENIED)
    done = run("apply", "-auto-approve")
    assert (done.returncode, tries(folder)) == (1, 1)
    assert "tfretry: not retried: terraform_data.denied failed for another reason" in done.stderr


def test_a_precondition_that_quotes_the_sentence_is_not_retried(module):
    """Its message is the configuration's, not AWS's."""
    module(QUOTED)
    done = run("apply", "-auto-approve")
    assert (done.returncode, "tfretry" in done.stderr) == (1, False)
    assert "Unable to assume" in done.stderr


def test_max_attempts_limits_the_applies(module):
    """Three applies, then terraform's exit code and the remedy."""
    folder = module(WAITS_FOR_ROLE)
    done = run("--max-attempts", "3", "--first-wait=10ms", "apply", "-auto-approve")
    assert (done.returncode, tries(folder)) == (1, 3)
    assert "create-service-linked-role" in done.stderr


@pytest.mark.slow
def test_the_timeout_is_kept(module):
    """After three attempts, no attempt starts later than that after the first failure."""
    folder = module(WAITS_FOR_ROLE)
    done = run("--timeout=3s", "--first-wait=500ms", "--report=report", "apply", "-auto-approve")
    assert done.returncode == 1
    assert "tfretry: gave up after " in done.stderr
    first, *retries = json.loads((folder / "report").read_text())["attempts"]
    assert len(retries) >= 2
    *between, last = retries
    start_s = sum(each["waited_s"] + each["duration_s"] for each in between) + last["waited_s"]
    late_s = 1.0  # what a busy machine may add to the last wait
    assert len(retries) == 2 or start_s <= max(3, 2 * first["duration_s"]) + late_s


def test_the_error_is_found_in_json(module):
    """With -json it is on stdout."""
    folder = module(WAITS_FOR_ROLE)
    done = run("--max-attempts=2", "--first-wait=10ms", "apply", "-auto-approve", "-json")
    assert (done.returncode, tries(folder)) == (1, 2)


def test_chdir_apply_is_an_apply(module):
    """The subcommand is found after the global option."""
    folder = module("")
    (folder / "sub").mkdir()
    (folder / "sub" / "main.tf").write_text(WAITS_FOR_ROLE)
    done = run("--max-attempts=2", "--first-wait=10ms", "-chdir=sub", "apply", "-auto-approve")
    assert (done.returncode, tries(folder / "sub")) == (1, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["version", "-json"],
        ["-version"],
        ["output", "-json"],
        ["plan", "-detailed-exitcode", "-input=false"],
        ["validate"],
        ["fmt", "-check"],
        ["frobnicate"],
        ["-help"],
        ["apply", "-help"],
        ["apply", "-nonsense"],
        ["apply", "-destroy", "-auto-approve"],
        [],
    ],
    ids=" ".join,
)
def test_all_other_commands_are_passed_through(module, arguments):
    """Stdout, stderr and exit code are the same."""
    folder = module('output "x" {\n  value = 1\n}\n')
    (folder / "ugly.tf").write_text("locals {\n a    = 1\n}\n")
    bare = subprocess.run(["terraform", *arguments], capture_output=True, text=True, check=False)
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (bare.returncode, bare.stdout, bare.stderr)


@pytest.mark.slow
@pytest.mark.usefixtures("real_terraform")
def test_the_demo_of_the_readme_works(tmp_path):
    """The configuration that a new user runs first."""
    demo = shutil.copytree(
        Path(__file__).parents[1] / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns(".*", "*.tfstate*")
    )
    done = run(f"-chdir={demo}", "apply", "-auto-approve", env={**os.environ, "DEMO_ROLE_READY_AFTER": "3"})
    assert done.returncode == 0
    assert "Apply complete!" in done.stdout
    assert "tfretry: applied on attempt " in done.stderr

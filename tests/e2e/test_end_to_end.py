"""The main job with the real terraform: a `local-exec` stands in for the AWS CLI, a file for the role."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

TFRETRY = [sys.executable, "-m", "tfretry"]
SENTENCE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
AWS_CLI = (
    "echo 'An error occurred (InvalidParameterException) when calling the CreateService operation: "
    f"{SENTENCE}' >&2; exit 254"
)
WAITS_FOR_ROLE = f"""
resource "terraform_data" "cluster" {{}}
resource "terraform_data" "service" {{
  depends_on = [terraform_data.cluster]
  provisioner "local-exec" {{
    command = "echo try >>tries; [ -e role ] || {{ {AWS_CLI}; }}"
  }}
}}
"""
DENIED_MODULE = """
resource "terraform_data" "denied" {
  provisioner "local-exec" {
    command = "echo 'AccessDeniedException: not yours' >&2; exit 254"
  }
}
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
def module(tmp_path, monkeypatch, real_terraform):
    """A root module in the current folder."""
    monkeypatch.chdir(tmp_path)
    assert real_terraform

    def write(text):
        (tmp_path / "main.tf").write_text(text)
        return tmp_path

    return write


def run(*arguments, **options):
    return subprocess.run([*TFRETRY, *arguments], capture_output=True, text=True, timeout=90, check=False, **options)


def tries(folder: Path) -> int:
    return (folder / "tries").read_text().count("try")


def test_the_role_becomes_ready_and_the_apply_succeeds(module):
    """Exit 0, terraform's stdout whole, our lines on stderr only."""
    folder = module(WAITS_FOR_ROLE)
    with subprocess.Popen(
        [*TFRETRY, "--first-wait=1s", "apply", "-auto-approve", "-no-color"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        while not (folder / "tries").exists():
            time.sleep(0.05)
        (folder / "role").touch()
        stdout, stderr = started.communicate(timeout=60)
    assert started.returncode == 0
    assert "Apply complete! Resources: 1 added, 0 changed, 1 destroyed." in stdout
    assert "tfretry" not in stdout
    assert "tfretry: terraform_data.service: the ECS service-linked role cannot be assumed yet" in stderr
    assert "tfretry: applied on attempt 2" in stderr
    assert tries(folder) == 2


def test_a_permanent_error_is_one_apply(module):
    """At once, with terraform's code and nothing of ours."""
    module(DENIED_MODULE)
    done = run("apply", "-auto-approve")
    assert (done.returncode, "tfretry" in done.stderr) == (1, False)


def test_a_role_error_beside_a_permanent_one_is_one_apply(module):
    """And a line says what stood in the way."""
    folder = module(WAITS_FOR_ROLE + DENIED_MODULE)
    done = run("apply", "-auto-approve")
    assert (done.returncode, tries(folder)) == (1, 1)
    assert "tfretry: not retried: terraform_data.denied failed for another reason" in done.stderr


def test_an_authors_text_that_quotes_the_sentence_heals_nothing(module):
    """A precondition is no AWS error."""
    module(QUOTED)
    done = run("apply", "-auto-approve")
    assert (done.returncode, "tfretry" in done.stderr) == (1, False)
    assert "Unable to assume" in done.stderr


def test_attempts_are_counted(module):
    """Three applies, then terraform's exit code and the remedy."""
    folder = module(WAITS_FOR_ROLE)
    done = run("--max-attempts", "3", "--first-wait=10ms", "apply", "-auto-approve")
    assert (done.returncode, tries(folder)) == (1, 3)
    assert "create-service-linked-role" in done.stderr


@pytest.mark.slow
def test_the_timeout_is_kept(module):
    """No attempt starts later than that after the first failure."""
    folder = module(WAITS_FOR_ROLE)
    began = time.monotonic()
    done = run("--timeout=3s", "--first-wait=500ms", "apply", "-auto-approve")
    assert done.returncode == 1
    assert tries(folder) > 2
    assert time.monotonic() - began < 30
    assert "tfretry: gave up after " in done.stderr


def test_the_error_is_found_in_json_as_well(module):
    """With -json it stands on stdout."""
    folder = module(WAITS_FOR_ROLE)
    done = run("--max-attempts=2", "--first-wait=10ms", "apply", "-auto-approve", "-json")
    assert (done.returncode, tries(folder)) == (1, 2)


def test_chdir_apply_is_an_apply(module):
    """The subcommand is found behind the global option."""
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
def test_everything_else_is_terraforms_own(module, arguments):
    """Stdout, stderr and exit code are the same bytes."""
    folder = module('output "x" {\n  value = 1\n}\n')
    (folder / "ugly.tf").write_text("locals {\n a    = 1\n}\n")
    bare = subprocess.run(["terraform", *arguments], capture_output=True, text=True, check=False)
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (bare.returncode, bare.stdout, bare.stderr)


@pytest.mark.slow
def test_the_demo_of_the_readme_works(tmp_path, real_terraform):
    """The configuration that a new user runs first."""
    assert real_terraform
    demo = shutil.copytree(
        Path(__file__).parents[1] / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns(".*", "*.tfstate*")
    )
    done = run(f"-chdir={demo}", "apply", "-auto-approve", env={**os.environ, "DEMO_ROLE_READY_AFTER": "3"})
    assert done.returncode == 0
    assert "Apply complete!" in done.stdout
    assert "tfretry: applied on attempt " in done.stderr

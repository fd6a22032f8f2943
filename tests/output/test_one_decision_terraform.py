"""One failure, one decision: scripts that real terraform runs, in each of its formats."""

from __future__ import annotations

import subprocess

import pytest
from aws_errors import AWS, SENTENCE
from diagnostics import diagnosis_of, read
from terminal import on_a_terminal, on_pipes

INNER_MODULE = """
resource "terraform_data" "inner" {
  provisioner "local-exec" {
    command = "echo \\"An error occurred: $SENTENCE\\"; exit 254"
  }
}
"""
OUTER_MODULE = """
variable "script" {}

resource "terraform_data" "x" {
  provisioner "local-exec" {
    command = "sh ${var.script}"
  }
}
"""
DENIAL = "ci is not authorized to perform: ecs:X"
INNER_APPLY = '"$TERRAFORM" -chdir="$INNER_MODULE" apply -auto-approve -input=false -state="$(mktemp -u)"'
SCRIPTS = {
    "a log": (f"2026-11-26 10:00:00 [INFO] start\n2026-11-26 10:00:01 [ERROR] {SENTENCE}", True),
    "a log of TF_LOG's form": (f"2026-11-26T10:00:01.123Z [ERROR] x: {SENTENCE}", True),
    "a denial in a log": (f"{SENTENCE}\n2026-11-26 10:00:02 [ERROR] {DENIAL}", False),
    "outputs": (f"Outputs:\n\nVpcId = vpc-0\n\n{SENTENCE}", True),
    "progress": (f"aws_vpc.v: Creation complete after 1s [id=vpc-0]\n{SENTENCE}", True),
    "a plan": (f"  # aws_ecs_service.x will be created\n{SENTENCE}", True),
    "an apply": (f"Apply complete! Resources: 1 added, 0 changed, 0 destroyed.\n\n{SENTENCE}", True),
    "another error": (f"no luck\n\nError: {AWS}", False),
    "another error that is transient, too": (f"{SENTENCE}\n\nError: {AWS}", True),
    "another error that is permanent": (f"{SENTENCE}\n\nError: Invalid index", False),
    "a heading without a blank line": (f"no luck\nError: {AWS}", True),
    "a warning before": (f"x\n\nWarning: y\n\n{SENTENCE}", False),
    "a warning behind": (f"{SENTENCE}\n\nWarning: y\n\n{DENIAL}", False),
}
VIEWS = {
    "colour": ([], None),
    "no colour": (["-no-color"], None),
    "json": (["-json"], None),
    "terminal of 20": ([], 20),
    "terminal of 80": ([], 80),
    "terminal of 40 without colour": (["-no-color"], 40),
}


@pytest.fixture(scope="module")
def folders(real_terraform, tmp_path_factory):
    found = []
    for text in (OUTER_MODULE, INNER_MODULE):
        folder = tmp_path_factory.mktemp("configuration")
        (folder / "main.tf").write_text(text)
        subprocess.run([real_terraform, "init", "-input=false"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        found.append(folder)
    return found


@pytest.fixture
def diagnosis(real_terraform, folders, tmp_path, monkeypatch):
    """Run terraform in a format, with a script as its local-exec; return the diagnosis."""
    folder, inner = folders
    monkeypatch.setenv("TERRAFORM", real_terraform)
    monkeypatch.setenv("INNER_MODULE", str(inner))
    monkeypatch.setenv("SENTENCE", SENTENCE)

    def run(script: str, format_: str):
        (tmp_path / "script").write_text(script)
        options, columns = VIEWS[format_]
        argv = [real_terraform, "apply", "-auto-approve", "-input=false", f"-state={tmp_path / 'state'}"]
        argv += [f"-var=script={tmp_path / 'script'}", *options]
        code, streams = on_a_terminal(argv, folder, columns) if columns else on_pipes(argv, folder)
        assert code == 1
        return diagnosis_of([found for stream in streams for found in read(stream)])

    return run


@pytest.mark.parametrize("format_", VIEWS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_output_of_a_script_is_decided_the_same_in_every_format(diagnosis, name, format_):
    """Log lines and terraform's words belong to the script; text that may be two errors needs two transient ones."""
    text, retried = SCRIPTS[name]
    found = diagnosis(f"cat <<'END'\n{text}\nEND\nexit 1\n", format_)
    assert found.errors >= 1
    assert found.is_transient is retried


@pytest.mark.parametrize("format_", VIEWS)
@pytest.mark.parametrize(
    ("inner", "retried"),
    [("", True), ("-no-color", True), ("-json", True), ("2>&1 >/dev/null", True), ("-no-color 2>&1 >/dev/null", True)],
)
def test_another_terraform_within_is_decided_the_same_in_every_format(diagnosis, inner, retried, format_):
    """Without colour its error may be a second one of the outer terraform: then the text before must be transient, too.

    That text is its progress, which quotes the sentence; or it is empty, and then no blank line divides the two.
    """
    assert diagnosis(f"{INNER_APPLY} {inner}\n", format_).is_transient is retried


@pytest.mark.parametrize("format_", VIEWS)
def test_text_that_may_be_two_errors_has_met_a_cause(diagnosis, format_):
    """So tfretry says why there is no retry."""
    found = diagnosis(f"echo no luck; {INNER_APPLY} -no-color 2>&1 >/dev/null\n", format_)
    assert (found.is_transient, found.met_cause) == (False, True)

from __future__ import annotations

import subprocess

import pytest
from aws_errors import SENTENCE
from diagnostics import diagnosis_of, read
from terminal import on_a_terminal, on_pipes

ADDRESS = 'module.app["blue"].terraform_data.this[0]'
ROOT = f"""
variable "case" {{}}

module "app" {{
  for_each = toset(["blue"])
  source   = "./app"
  case     = var.case
}}

output "notes" {{
  value = "line1\\nError: {SENTENCE}\\nline3"
}}

check "warns" {{
  assert {{
    condition     = var.case == ""
    error_message = "It may say\\nError: {SENTENCE}"
  }}
}}

resource "terraform_data" "quoting" {{
  count = var.case == "precondition" ? 1 : 0
  input = "Error: {SENTENCE}"

  lifecycle {{
    precondition {{
      condition     = var.case == ""
      error_message = "Error: {SENTENCE}"
    }}
  }}
}}

resource "terraform_data" "other" {{
  count = var.case == "mixed" ? 1 : 0

  provisioner "local-exec" {{
    command = "echo 'is not allowed' ; exit 3"
  }}
}}
"""
APP = f"""
variable "case" {{}}

locals {{
  commands = {{
    role   = "echo; echo 'An error occurred: {SENTENCE}' >&2; exit 254"
    mixed  = "echo; echo 'An error occurred: {SENTENCE}' >&2; exit 254"
    quoted = "echo \\"': exit status 1. Output: {SENTENCE}\\" >/dev/null; echo no; exit 1"
    torn   = "true '': exit status 1. Output: {SENTENCE}\\n\\nWarning: x\\n\\nError: {SENTENCE}\\n'; echo no; exit 1"
  }}
}}

resource "terraform_data" "this" {{
  count = contains(keys(local.commands), var.case) ? 1 : 0

  provisioner "local-exec" {{
    command = local.commands[var.case]
  }}
}}
"""


@pytest.fixture(scope="module")
def configuration(real_terraform, tmp_path_factory):
    folder = tmp_path_factory.mktemp("configuration")
    (folder / "app").mkdir()
    (folder / "main.tf").write_text(ROOT)
    (folder / "app" / "main.tf").write_text(APP)
    subprocess.run([real_terraform, "init", "-input=false"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize(
    "format_",
    [
        *(pytest.param(([], columns), id=f"terminal of {columns}") for columns in (20, 40, 80, 200)),
        pytest.param((["-no-color"], 40), id="terminal without colour"),
        pytest.param(([], None), id="pipes"),
        pytest.param((["-no-color"], None), id="pipes without colour"),
        pytest.param((["-json"], None), id="json"),
    ],
)
@pytest.mark.parametrize(
    ("case", "errors", "retried"),
    [
        ("role", 1, True),
        ("mixed", 2, False),
        ("precondition", None, False),
        ("quoted", 1, False),
        ("torn", None, False),
        ("none", 0, False),
    ],
)
def test_real_terraform_is_understood(real_terraform, configuration, tmp_path, case, errors, retried, format_):
    """Output of a real terraform, in each of its formats and at several widths."""
    options, columns = format_
    state = f"-state={tmp_path / 'state'}"
    argv = [real_terraform, "apply", "-auto-approve", "-input=false", state, f"-var=case={case}", *options]
    code, streams = on_a_terminal(argv, configuration, columns) if columns else on_pipes(argv, configuration)
    diagnosis = diagnosis_of([found for stream in streams for found in read(stream)])
    assert code == (0 if case == "none" else 1)
    assert (diagnosis.is_transient, diagnosis.errors if errors is not None else None) == (retried, errors)
    if retried:
        assert diagnosis.first_match.address == ADDRESS

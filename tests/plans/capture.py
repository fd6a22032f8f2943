"""Write the pairs of plans in this folder anew with the real terraform: `python tests/plans/capture.py`.

Each file holds the approved plan, the plan made after an apply that failed half-way, and what terraform said was
complete. Everything runs on `terraform_data`: no provider, no network, no account.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
COMPLETE = re.compile(
    r"^(.+?)(?: \(deposed object (\w+)\))?: (Creation|Modifications|Destruction) complete", re.MULTILINE
)
WORDS = {"Creation": "create", "Modifications": "update", "Destruction": "delete"}

# A condition that no plan can tell, and that fails in the apply until the gate is there: like the role error, and
# unlike a provisioner, it leaves nothing half-made.
NEW = 'resource "terraform_data" "new" {}\n'
GATED = """precondition {
      condition     = terraform_data.new.id == "" ? true : fileexists("gate")
      error_message = "The role cannot be assumed yet."
    }"""
GATE = NEW + 'resource "terraform_data" "role" {\n  lifecycle {\n    ' + GATED + "\n  }\n}\n"


def data(name, body="", *, lifecycle=""):
    return f'resource "terraform_data" "{name}" {{\n  {body}\n  lifecycle {{\n    {lifecycle}\n  }}\n}}\n'


def local_exec(command, when="create"):
    return f'provisioner "local-exec" {{\n    when = {when}\n    command = "{command}"\n  }}'


def each(keys):
    return f"for_each = toset([{keys}])\n  input = each.key\n  " + local_exec("test -e gate", "destroy")


FIRST = 'terraform_remote_state" "d" {\n  backend = "local"\n  config = { path = "other.tfstate" }\n}\n'
CBD = "create_before_destroy = true"
# name: (configuration applied before, or None; configuration planned; options of the approved plan; of the new one)
SCENARIOS = {
    "plain": (None, GATE + data("b", "input = terraform_data.role.id"), "", ""),
    "update-done": (data("a", 'input = "1"'), GATE + data("a", 'input = "2"'), "", ""),
    "update-left": (data("a", 'input = "1"'), NEW + data("a", 'input = "2"', lifecycle=GATED), "", ""),
    "delete-done": (
        data("r", 'triggers_replace = ["1"]'),
        NEW + data("r", 'triggers_replace = ["2"]', lifecycle=GATED),
        "",
        "",
    ),
    "replaced-left": (
        data("r", 'triggers_replace = ["1"]\n  ' + local_exec("test -e gate", "destroy")),
        data("r", 'triggers_replace = ["2"]\n  ' + local_exec("test -e gate", "destroy")),
        "",
        "",
    ),
    "deposed-left": (
        data("old", 'triggers_replace = ["1"]', lifecycle=CBD) + data("user", "input = terraform_data.old.id"),
        NEW
        + data("old", 'triggers_replace = ["2"]', lifecycle=CBD)
        + data("user", "input = terraform_data.old.id", lifecycle=GATED),
        "",
        "",
    ),
    "deposed-gone": (
        data("old", 'triggers_replace = ["1"]', lifecycle=CBD),
        GATE + data("old", 'triggers_replace = ["2"]', lifecycle=CBD),
        "",
        "",
    ),
    "each-deleted": (data("e", each('"a", "b"')), GATE + data("e", each('"b", "c d"')), "", ""),
    "count-deleted": (data("e", "count = 3"), GATE + data("e", "count = 1"), "", ""),
    "moved": (
        data("x", 'input = "1"'),
        GATE + data("y", 'input = "2"') + "moved {\n  from = terraform_data.x\n  to   = terraform_data.y\n}\n",
        "",
        "",
    ),
    "outputs": (
        'output "gone" { value = 1 }\noutput "kept" { value = 1 }\n',
        GATE
        + 'output "kept" { value = 1 }\noutput "known" { value = [1, "1", true, null] }\n'
        + 'output "late" { value = { id = terraform_data.role.id, list = [terraform_data.new.id, "x"] } }\n'
        + 'output "clock" { value = timestamp() }\noutput "mine" {\n  value = "s3cret"\n  sensitive = true\n}\n',
        "",
        "",
    ),
    "sensitive": (
        None,
        GATE
        + 'variable "password" {\n  sensitive = true\n}\nvariable "plain" { default = null }\n'
        + data("s", 'input = { list = [var.password, terraform_data.role.id], map = { ("k v") = var.password } }'),
        "-var=password=s3cret",
        "-var=password=s3cret",
    ),
    "decimals": (
        None,
        GATE + data("d", "input = [3.14159265358979323846264338327950288419716939937510582097494459, 1e400, 1 / 3]"),
        "",
        "",
    ),
    "targeted": (
        None,
        GATE + data("t", "input = terraform_data.role.id") + data("u"),
        "-target=terraform_data.t",
        "-target=terraform_data.t",
    ),
    "target-forgotten": (None, GATE + data("u"), "-target=terraform_data.role", ""),
    "target-narrowed": (
        None,
        GATE + data("u", "input = terraform_data.role.id"),
        "-target=terraform_data.u",
        "-target=terraform_data.role",
    ),
    "destroyed": (
        data("a", local_exec("test -e gate", "destroy")) + data("b"),
        data("a", local_exec("test -e gate", "destroy")) + data("b"),
        "-destroy",
        "-destroy",
    ),
    "destroy-forgotten": (
        data("a", local_exec("test -e gate", "destroy")) + data("b"),
        data("a", local_exec("test -e gate", "destroy")) + data("b"),
        "-destroy",
        "",
    ),
    "replace-forgotten": (
        data("e", each('"a"')),
        data("e", each('"a"')),
        '-replace=terraform_data.e["a"]',
        "",
    ),
    "no-changes": (data("a"), data("a"), "", ""),
    "removed": (
        data("a") + data("b"),
        GATE + data("b") + "removed {\n  from = terraform_data.a\n  lifecycle {\n    destroy = false\n  }\n}\n",
        "",
        "",
    ),
    "imported": (
        None,
        GATE + data("i", 'input = "1"') + 'import {\n  to = terraform_data.i\n  id = "me"\n}\n',
        "",
        "",
    ),
    "tainted": (None, data("t", local_exec("test -e gate")), "", ""),
    "migration": (
        data("m", "triggers_replace = [0]"),
        GATE + data("m", "triggers_replace = [timestamp()]"),
        "",
        "",
    ),
    "script-moved": (
        None,
        GATE
        + 'data "'
        + FIRST
        + "locals { v = data.terraform_remote_state.d.outputs.v }\n"
        + data("a", local_exec("echo ${local.v}") + "\n  depends_on = [terraform_data.role]"),
        "",
        "",
    ),
    "data-moved": (
        None,
        GATE
        + 'data "'
        + FIRST
        + data("a", "input = data.terraform_remote_state.d.outputs.v\n  depends_on = [terraform_data.role]"),
        "",
        "",
    ),
}


def step(folder, *words):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {"CHECKPOINT_DISABLE": "1"}
    return subprocess.run(
        ["terraform", words[0], *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def show(folder, plan):
    return json.loads(step(folder, "show", "-json", plan).stdout, parse_float=str, parse_int=str)


def other_state(folder, value):
    outputs = {"v": {"value": value, "type": "string"}}
    state = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "x", "outputs": outputs}
    (folder / "other.tfstate").write_text(json.dumps({**state, "resources": []}))


def plan(folder, name, options):
    made = step(folder, "plan", "-no-color", "-input=false", *options.split(), f"-out={name}")
    assert made.returncode == 0, made.stderr


def run(folder, before, after, first, second):
    """The outputs of `show -json` for both plans, as bytes, and what was complete in between."""
    other_state(folder, "here")
    (folder / "main.tf").write_text(before or after)
    step(folder, "init")
    if before is not None:
        step(folder, "apply", "-auto-approve")
        (folder / "main.tf").write_text(after)
    plan(folder, "approved", first)
    applied = step(folder, "apply", "-no-color", "approved")
    (folder / "gate").touch()
    other_state(folder, "elsewhere")
    plan(folder, "new", f"-refresh=false {second}")
    done = [[WORDS[word], address, deposed or None] for address, deposed, word in COMPLETE.findall(applied.stdout)]
    return [step(folder, "show", "-json", name).stdout for name in ("approved", "new")], sorted(done, key=str)


def capture(name):
    with tempfile.TemporaryDirectory() as folder:
        (approved, new), done = run(Path(folder), *SCENARIOS[name])
    # The text as terraform wrote it: a JSON reader would cut the long decimals.
    text = f'{{"finished": {json.dumps(done)},\n"approved": {approved.strip()},\n"new": {new.strip()}}}\n'
    (HERE / f"{name}.json").write_text(text)


if __name__ == "__main__":
    for scenario in SCENARIOS:
        capture(scenario)

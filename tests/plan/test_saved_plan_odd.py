"""Plans that begin with something unusual: deposed, tainted, vanished and moved objects, counts, checks."""

from __future__ import annotations

import sys

import pytest
from saved_plans import CREATE_FIRST, refused, service, succeeded

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]


def is_clean(sim):
    """Check that a new plan has no changes."""
    done = sim.terraform("plan", "-detailed-exitcode", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def deposed(sim, *names):
    """Create an object and its replacements without deleting the old objects, and plan one more replacement."""
    sim.applied(service("a", CREATE_FIRST, name=names[0]))
    for number, name in enumerate(names[1:]):
        sim.fail("delete", names[number], attempts=len(names) - 1 - number)
        sim.write(service("a", CREATE_FIRST, name=name))
        assert sim.terraform("apply", "-auto-approve").returncode == 1
    for name in names:
        sim.repair("delete", name)
    sim.forget()
    sim.write(service("a", CREATE_FIRST, name="newest"))
    sim.plan("tfplan")


@pytest.mark.parametrize("view", ["-no-color", "-json"])
@pytest.mark.parametrize("failing", ["create newest", "delete new", "delete old"])
def test_a_deposed_object_that_was_there_before(sim, apply, view, failing):
    """It is a change of its own, at the same address as the next replacement."""
    deposed(sim, "old", "new")
    sim.fail(*failing.split(), attempts=2)
    assert succeeded(apply(view, "tfplan"))
    assert sorted(sim.calls("create", "delete")) == [("create", "newest"), ("delete", "new"), ("delete", "old")]
    assert is_clean(sim)


@pytest.mark.parametrize("failing", ["create newest", "delete newer", "delete new"])
def test_several_deposed_objects_are_never_taken_for_each_other(sim, apply, failing):
    """Terraform reports only one of the deletions at one address that run at once: the rest may be refused then.

    (terraform's internal/command/views/hook_ui.go keeps running operations by their address.)
    """
    deposed(sim, "old", "new", "newer")
    sim.fail(*failing.split(), attempts=1)
    done = apply("tfplan")
    called = sim.calls("create", "delete")
    assert len(set(called)) == len(called)
    if done.returncode == 1:
        assert refused(done, "is gone, and terraform did not report that it destroyed it")
        return
    assert succeeded(done)
    deletions = [("delete", name) for name in ("new", "newer", "old")]
    assert sorted(called) == [("create", "newest"), *deletions]
    assert is_clean(sim)


def test_objects_that_were_tainted_or_deleted_before(sim, apply):
    """A tainted object is replaced, and a deleted one is created again: as planned, and once."""
    sim.applied(service("a", "size = 1") + service("gone") + service("kept"))
    object_id = next(each["id"] for each in sim.objects() if each["name"] == "gone")
    sim.cloud.remove(object_id)
    assert sim.terraform("taint", "sim_service.a").returncode == 0
    sim.plan("tfplan")
    for verb, name in (("delete", "a"), ("create", "a"), ("create", "gone")):
        sim.fail(verb, name, attempts=1)
    sim.forget()
    assert succeeded(apply("tfplan"))
    assert sorted(sim.calls("create", "delete")) == [("create", "a"), ("create", "gone"), ("delete", "a")]
    assert is_clean(sim)


def test_imports_and_moves_that_change_nothing(sim, apply):
    """They are no-ops that change the state alone; the failed attempt has saved them, or not."""
    sim.applied(service("old", "size = 1", name="moved"))
    sim.put("brought-1", name="brought", size=2)
    sim.write(
        service("moved", "size = 1")
        + "moved {\n  from = sim_service.old\n  to = sim_service.moved\n}\n"
        + service("brought", "size = 2")
        + 'import {\n  to = sim_service.brought\n  id = "brought-1"\n}\n'
        + service("b")
    )
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    sim.forget()
    assert succeeded(apply("tfplan"))
    assert sim.calls("create", "update", "delete") == [("create", "b")]
    assert is_clean(sim)


@pytest.mark.parametrize("lines", [(), (CREATE_FIRST,)], ids=["delete first", "create first"])
def test_a_replacement_whose_new_object_is_half_made_is_refused(sim, apply, lines):
    """It is tainted, and the old one is gone or deposed: only a new plan can decide on both."""
    sim.applied(service("a", *lines))
    sim.write(service("a", *lines, name="new"))
    sim.plan("tfplan")
    sim.fail("create", "new", attempts=1, leaves=True)
    sim.forget()
    assert refused(apply("tfplan"), "sim_service.a is tainted: it was created, and a later step of its creation failed")
    assert sim.calls("create", "delete").count(("create", "new")) == 1


def test_counts_and_moves_between_modules(sim, apply):
    """Numbers as keys, of modules too, and addresses that have changed."""
    variable = 'variable "names" {\n  type = list(string)\n}\n'
    app = variable + service("s", "count = length(var.names)", "size = 1", name="${var.names[count.index]}")
    sim.write(app, "app/main.tf")
    counted = 'names = ["m${count.index}-x", "m${count.index}-y"]'
    sim.write(f'module "app" {{\n  count = 2\n  source = "./app"\n  {counted}\n}}\n')
    assert sim.terraform("get").returncode == 0
    sim.applied((sim.folder / "main.tf").read_text())
    sim.write(app.replace("size = 1", "size = 2"), "app/main.tf")
    sim.write(
        'module "app" {\n  for_each = toset(["a", "b"])\n  source = "./app"\n'
        '  names = each.key == "a" ? ["m0-x", "m0-y", "m0-z"] : ["m1-x"]\n}\n'
        'moved {\n  from = module.app[0]\n  to = module.app["a"]\n}\n'
        'moved {\n  from = module.app[1]\n  to = module.app["b"]\n}\n'
    )
    assert sim.terraform("get").returncode == 0
    sim.plan("tfplan")
    for verb, name in (("update", "m0-y"), ("create", "m0-z"), ("delete", "m1-y")):
        sim.fail(verb, name, attempts=1)
    sim.forget()
    assert succeeded(apply("tfplan", "-no-color"))
    made = [("create", "m0-z"), ("delete", "m1-y"), *(("update", name) for name in ("m0-x", "m0-y", "m1-x"))]
    assert sorted(sim.calls("create", "update", "delete")) == made
    assert is_clean(sim)


def test_checks_and_their_data_sources_prevent_nothing(sim, apply):
    """Their results come in any order, and a data source within is read in each apply."""
    condition = 'condition = data.sim_fact.in{n}.value == "x" || sim_service.a.size == 1'
    one = (
        'check "c{n}" {{\n  data "sim_fact" "in{n}" {{\n    name = "c{n}"\n  }}\n'
        f'  assert {{{{\n    {condition}\n    error_message = "no"\n  }}}}\n}}}}\n'
    )
    checks = "".join(one.format(n=n) for n in range(4))
    sim.applied(service("a", "size = 1") + checks)
    sim.write(service("a", "size = 2") + service("b") + checks)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    assert succeeded(apply("tfplan"))
    assert sim.calls("create", "update") == [("update", "a"), ("create", "b")]


def test_another_stacks_output_is_as_approved(sim, apply, tmp_path):
    """`terraform_remote_state` is a data source of terraform itself."""
    other = tmp_path / "other"
    other.mkdir()

    def stack(value):
        (other / "main.tf").write_text(f'output "x" {{\n  value = "{value}"\n}}\n')
        assert sim.terraform("apply", "-auto-approve", cwd=other).returncode == 0

    stack("approved")
    config = f'backend = "local"\n  config = {{ path = "{other}/terraform.tfstate" }}'
    remote = f'data "terraform_remote_state" "other" {{\n  {config}\n}}\n'
    note = 'note = "${sim_service.a.id} ${data.terraform_remote_state.other.outputs.x}"'
    sim.write(remote + service("a") + service("b", note))
    sim.plan("tfplan")
    stack("another")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    (made,) = [each["note"] for each in sim.objects() if each["name"] == "b"]
    assert made.endswith(" approved")


ADDS_EPHEMERAL = """\
import json, sys
plan = json.load(sys.stdin)
plan["configuration"]["root_module"]["resources"].append({"mode": "ephemeral", "address": "ephemeral.x"})
print(json.dumps(plan))
"""


def test_ephemeral_resources_cause_one_warning(sim, apply, wrap, tmp_path):
    """They have another value in each apply; the warning comes with the first retry."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    (tmp_path / "add.py").write_text(ADDS_EPHEMERAL)  # the provider of these tests has none
    wrap.write(f'if [ "$call" = show ]; then terraform "$@" | {sys.executable} {tmp_path}/add.py; exit; fi')
    done = apply("tfplan")
    assert succeeded(done)
    assert done.stderr.count("the plan has ephemeral resources") == 1

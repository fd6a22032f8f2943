"""Every kind of change and every kind of plan: whatever fails, each approved change is made once, and no other."""

from __future__ import annotations

import itertools
import json

import pytest
from saved_plans import CREATE_FIRST, fact, refused, service, succeeded

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

LABELS = ("made", "kept", "first", "last", "brought", "moved", "late")
# The calls of an uninterrupted apply; the old object of `last` is deleted after the new one is created.
CALLS = {
    "made": [("create", "made")],
    "kept": [("update", "kept")],
    "first": [("delete", "first"), ("create", "first-new")],
    "last": [("create", "last-new"), ("delete", "last")],
    "brought": [("update", "brought")],
    "moved": [("update", "moved")],
    "late": [("create", "late")],
    "gone": [("delete", "gone")],
}
BEFORE = "".join(
    [
        service("kept", "size = 1"),
        service("first"),
        service("last", CREATE_FIRST),
        service("old_place", "size = 1", name="moved"),
        service("gone"),
        service("let_go"),
        fact("dropped"),  # `show` does not list its removal
    ]
)
REMOVED = "removed {\n  from = sim_service.let_go\n  lifecycle {\n    destroy = false\n  }\n}\n"


def after(order, *, forgets):
    """Return one change of each kind; each waits for the one before it in *order*."""
    needs = {later: f"depends_on = [sim_service.{earlier}]" for earlier, later in itertools.pairwise(order)}
    lines = {
        "made": service("made", needs.get("made", "")),
        "kept": service("kept", "size = 2", needs.get("kept", "")),
        "first": service("first", needs.get("first", ""), name="first-new"),
        "last": service("last", CREATE_FIRST, needs.get("last", ""), name="last-new"),
        "brought": service("brought", "size = 2", needs.get("brought", ""))
        + 'import {\n  to = sim_service.brought\n  id = "brought-1"\n}\n',
        "moved": service("moved", "size = 2", needs.get("moved", ""))
        + "moved {\n  from = sim_service.old_place\n  to = sim_service.moved\n}\n",
        # The data source can be read only in the apply: its name is known when the object is there.
        "late": fact("late", "late-${sim_service.seed.revision}")
        + service("seed")
        + service("late", "note = data.sim_fact.late.value", needs.get("late", "")),
    }
    return "".join(lines[step] for step in LABELS) + (REMOVED if forgets else service("let_go"))


@pytest.mark.parametrize("order", [LABELS, LABELS[::-1]], ids=["forwards", "backwards"])
@pytest.mark.parametrize("view", ["-no-color", "-json"])
def test_each_step_fails_once_after_all_before_it_and_before_all_behind_it(sim, apply, version, order, view):
    """In each of ten attempts another part is done: created, updated, replaced, imported, moved, read, left."""
    forgets = version >= (1, 7)
    sim.put("brought-1", name="brought", size=1)
    sim.fact("late-1", "approved")
    sim.applied(BEFORE)
    sim.write(after(order, forgets=forgets))
    sim.plan("tfplan")
    calls = [*(call for step in CALLS.values() for call in step), ("create", "seed")]
    for verb, name in calls:
        sim.fail(verb, name, attempts=1)
    sim.forget()
    done = apply(view, "tfplan", options=("--timeout=1h",))
    assert succeeded(done)
    assert sorted(sim.calls("create", "update", "delete")) == sorted(calls)
    assert len(sim.calls("failed create", "failed update", "failed delete")) == len(calls)
    assert len(sim.calls("fact")) == 1
    state = sim.terraform("state", "list").stdout.split()
    assert ("sim_service.let_go" in state) != forgets
    assert [each["note"] for each in sim.objects() if each["name"] == "late"] == ["approved"]
    assert sim.terraform("plan", "-detailed-exitcode", "-no-color").returncode == 0


def test_a_data_source_that_was_read_in_the_apply_is_not_read_again(sim, apply, wrap):
    """Objects were created with its value: the others must get the same, even if it has changed since."""
    sim.fact("late-1", "approved")
    sim.write(
        service("seed")
        + fact("late", "late-${sim_service.seed.revision}")
        + service("one", "note = data.sim_fact.late.value")
        + service("two", "note = data.sim_fact.late.value")
    )
    sim.plan("tfplan")
    sim.fail("create", "two", attempts=1)
    wrap.at("state pull", f"printf moved >'{sim.cloud.root}/facts/late-1'")
    assert succeeded(apply("tfplan"))
    assert {each["note"] for each in sim.objects() if each["name"] != "seed"} == {"approved"}
    assert sim.cloud.fact("late-1") == "moved"


def test_a_postponed_update_is_not_repeated(sim, apply):
    """RDS postpones it to its maintenance window: it is reported as complete, and the object is read as before."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b"))
    sim.plan("tfplan")
    sim.fail("update", "a", postpones=True)
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    assert [call.name for call in sim.calls("update")] == ["a"]
    assert [each["size"] for each in sim.objects() if each["name"] == "a"] == [1]


def test_an_update_that_failed_and_was_saved_as_done_is_refused(sim, apply):
    """The plugin SDK does that: the state has the new value, and the cloud the old one."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2"))
    sim.plan("tfplan")
    sim.fail("update", "a", attempts=1, leaves=True)
    assert refused(apply("tfplan"), "sim_service.a has changed, and terraform did not report this change as complete")


def test_a_destroy_time_provisioner_runs_once(sim, apply, tmp_path):
    """It has run, and its object is still there: a retry would run it again."""
    provisioner = ('provisioner "local-exec" {', "when = destroy", f'command = "echo bye >>{tmp_path}/ran"', "}")
    sim.applied(service("a", *provisioner) + service("b"))
    sim.plan("tfplan", "-destroy")
    sim.fail("delete", "b", attempts=1)
    assert succeeded(apply("tfplan"))  # that of a has run, and its object is gone
    sim.applied(service("a", *provisioner))
    sim.plan("tfplan", "-destroy")
    sim.fail("delete", "a", attempts=1)
    assert refused(apply("tfplan"), "sim_service.a would run its destroy-time provisioner again")
    assert (tmp_path / "ran").read_text() == "bye\nbye\n"


def test_plans_with_target_replace_and_destroy_are_continued(sim, apply):
    """The options are in the file; `apply -target=X FILE`, as Ansible writes it, is continued too."""
    sim.write(service("a") + service("b") + service("c"))
    sim.plan("tfplan", "-target=sim_service.a", "-target=sim_service.b")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("-target=sim_service.a", "-target=sim_service.b", "tfplan"))
    assert [call.name for call in sim.calls("create")] == ["a", "b"]
    sim.forget()
    sim.plan("tfplan", "-replace=sim_service.a", "-target=sim_service.a", "-target=sim_service.c")
    sim.fail("create", "c", attempts=1)
    assert succeeded(apply("tfplan"))
    assert sorted(sim.calls("create", "delete")) == [("create", "a"), ("create", "c"), ("delete", "a")]
    sim.forget()
    sim.plan("tfplan", "-destroy")
    sim.fail("delete", "b", attempts=2)
    assert succeeded(apply("tfplan"))
    assert sorted(sim.calls("create", "delete")) == [("delete", "a"), ("delete", "b"), ("delete", "c")]
    assert sim.objects() == []


def test_ephemeral_variables_are_given_again(sim, apply, version):
    """They are not in the plan file, but options of the apply, from terraform 1.10 on."""
    version.needs(1, 10, opentofu=(1, 11))
    sim.write(
        'variable "account" {\n  type = string\n  ephemeral = true\n}\n'
        'provider "sim" {\n  account = var.account\n}\n' + service("a") + service("b")
    )
    sim.plan("tfplan", "-var=account=s3cr3t")
    sim.fail("create", "b", attempts=1)
    done = apply("-var", "account=s3cr3t", "tfplan")
    assert succeeded(done)
    assert [each["account"] for each in sim.objects()] == ["s3cr3t", "s3cr3t"]
    assert "s3cr3t" not in done.stdout + done.stderr


KEYS = [
    "é",
    "e\u0301x",
    "a·b",
    'say "hi"',
    "${x}",
    "%{y}",
    "a\\b",
    "new\nline",
    "[0]",
    "\u2028",
    "x: Creation complete after 0s",
]


NAME = '${replace(each.key, "\\n", "_")}'


@pytest.mark.parametrize("view", ["-no-color", "-json"])
def test_names_of_every_kind(sim, apply, view):
    """Combining marks, middle dots, quotes, templates and escapes in keys; hyphens in types."""
    keys = ", ".join(json.dumps(key).replace("${", "$${").replace("%{", "%%{") for key in KEYS)
    each = f"for_each = toset([{keys}])"
    sim.applied(
        service("e\u0301·x-1", each, "size = 1", name=f"odd {NAME}", type_="sim_odd-service")
        + service("old", each, name=f"old {NAME}")
    )
    sim.write(
        service("e\u0301·x-1", each, "size = 2", name=f"odd {NAME}", type_="sim_odd-service")
        + service("neu·", each, "depends_on = [sim_odd-service.e\u0301·x-1]", name=f"new {NAME}")
    )
    sim.plan("tfplan")
    sim.fail("update", "odd a·b", attempts=1)
    sim.fail("create", "new new_line", attempts=1)
    sim.fail("delete", 'old say "hi"', attempts=1)
    sim.forget()
    done = apply(view, "tfplan")
    assert succeeded(done)
    made = sim.calls("create", "update", "delete")
    assert len(set(made)) == len(made) == 3 * len(KEYS)

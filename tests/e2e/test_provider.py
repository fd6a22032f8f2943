"""The provider of tests/support/provider behaves as other tests assume."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest
from aws_errors import SENTENCE
from provider.cloud import DENIED_ANSWER
from saved_plans import CREATE_FIRST, service
from terraform_output import APPLY

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture"]

EVERYTHING = """
resource "sim_service" "all" {
  name    = "all"
  size    = 2.5
  note    = sim_service.other.id
  secret  = "s3cret"
  tags    = { "a b" = "c" }
  zones   = ["x", sim_service.other.arn]
  ports   = [2, 1]
  network = { subnet = sim_service.other.id, public = true }
  setting {
    key   = "one"
    value = sim_service.other.id
  }
}
"""


def resources(sim):
    state = json.loads(sim.terraform("show", "-json").stdout)
    return {each["address"]: each for each in state.get("values", {}).get("root_module", {}).get("resources", [])}


def actions(plan):
    return {each["address"]: each["change"]["actions"] for each in plan["resource_changes"]}


def test_a_create_fails_with_the_error_of_aws_until_the_gate_opens(sim):
    """Until then no object exists; then it is created once."""
    sim.write(service("nginx"))
    sim.fail("create", "nginx")
    failed = sim.terraform(*APPLY)
    assert failed.returncode == 1
    assert "\nError: creating ECS Service (nginx): operation error ECS: CreateService, https resp" in failed.stderr
    assert f"InvalidParameterException: {SENTENCE}" in failed.stderr
    assert (resources(sim), sim.objects()) == ({}, [])
    sim.gate()
    assert sim.terraform(*APPLY).returncode == 0
    assert sim.calls() == [("failed create", "nginx"), ("create", "nginx")]
    assert [each["name"] for each in sim.objects()] == ["nginx"]


def test_a_fault_ends_after_so_many_calls_or_so_many_seconds_after_the_first(sim):
    """The gate stays closed."""
    sim.write(service("a") + service("b"))
    sim.fail("create", "a", attempts=2)
    sim.fail("create", "b", seconds=0.3)
    exits = [sim.terraform(*APPLY).returncode for _ in range(3)]
    assert exits == [1, 1, 0]
    assert len(sim.calls("failed create")) == 3  # an apply takes longer than the fault of b lasts


def test_an_object_that_a_failed_create_leaves_is_tainted(sim):
    """The next plan replaces it and has the reason."""
    sim.write(service("a"))
    sim.fail("create", leaves=True)
    assert sim.terraform(*APPLY).returncode == 1
    assert sim.calls() == [("failed create", "a"), ("create", "a")]
    (change,) = sim.plan("next")["resource_changes"]
    assert (change["change"]["actions"], change["action_reason"]) == (["delete", "create"], "replace_because_tainted")


def test_a_permanent_error_ignores_the_gate(sim):
    """It lasts until the test removes it. In the detail of the diagnostic, terraform wraps it."""
    sim.write(service("a"))
    sim.fail("create", error=DENIED_ANSWER, gate=False, wrapped=True)
    sim.gate()
    failed = sim.terraform(*APPLY)
    assert (failed.returncode, "Error: Service unavailable\n" in failed.stderr) == (1, True)
    assert "AccessDeniedException" in failed.stderr
    assert DENIED_ANSWER.rpartition("}")[2] not in failed.stderr  # it is wrapped
    sim.repair("create")
    assert sim.terraform(*APPLY).returncode == 0


def test_updates_and_deletes_fail_too_and_change_nothing(sim):
    """State and objects stay as they are."""
    sim.applied(service("a", "size = 1") + service("b"))
    before = sim.objects()
    sim.write(service("a", "size = 2"))
    sim.fail("update")
    sim.fail("delete")
    assert sim.terraform(*APPLY).returncode == 1
    assert sim.objects() == before
    assert resources(sim)["sim_service.a"]["values"]["size"] == 1
    sim.gate()
    assert actions(sim.plan("again")) == {"sim_service.a": ["update"], "sim_service.b": ["delete"]}
    assert sim.terraform("apply", "again").returncode == 0
    assert [(each["name"], each["size"], each["revision"]) for each in sim.objects()] == [("a", 2, 2)]


def test_all_kinds_of_attributes_arrive_and_stay(sim):
    """Unknown in the first plan, in sets and blocks too; known and unchanged in the second. The secret is not shown."""
    sim.write(service("other") + EVERYTHING)
    first = next(each for each in sim.plan("first")["resource_changes"] if each["address"] == "sim_service.all")
    assert first["change"]["after_unknown"]["note"] is True
    done = sim.terraform("apply", "first")
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert actions(sim.plan("second")) == {"sim_service.all": ["no-op"], "sim_service.other": ["no-op"]}
    values = resources(sim)["sim_service.all"]["values"]
    other = resources(sim)["sim_service.other"]["values"]
    assert values["network"] == {"subnet": other["id"], "public": True}
    assert sorted(values["zones"]) == sorted(["x", other["arn"]])


def test_drift_is_seen_by_a_refresh_alone(sim):
    """A new name replaces the object; with create_before_destroy, the new one is created first."""
    sim.applied(service("a", "size = 1"))
    sim.drift("a", size=7)
    assert actions(sim.plan("blind", "-refresh=false")) == {"sim_service.a": ["no-op"]}
    assert sim.calls() == []
    assert actions(sim.plan("seeing")) == {"sim_service.a": ["update"]}
    assert sim.calls() == [("read", "a")]
    sim.write(service("a", CREATE_FIRST, name="b"))
    assert actions(sim.plan("renamed")) == {"sim_service.a": ["create", "delete"]}


def test_a_data_source_may_change_between_plans(sim):
    """Each plan reads the data source."""
    sim.write('data "sim_fact" "x" {\n  name = "x"\n}\noutput "x" {\n  value = data.sim_fact.x.value\n}\n')
    for value in ("one", "two"):
        sim.fact("x", value)
        assert sim.plan("p", "-refresh=false")["output_changes"]["x"]["after"] == value
    assert sim.calls() == [("fact", "x"), ("fact", "x")]


def test_an_object_that_terraform_did_not_create_can_be_imported(sim):
    """By its id; it is not created again."""
    sim.put("found-1", name="found", size=3)
    sim.write('import {\n  to = sim_service.found\n  id = "found-1"\n}\n' + service("found", "size = 3"))
    done = sim.terraform(*APPLY)
    assert "Apply complete! Resources: 1 imported, 0 added, 0 changed, 0 destroyed." in done.stdout, done.stderr
    assert sim.calls("create", "update") == []


def test_slow_reads_run_in_parallel(sim, monkeypatch):
    """Ten at a time, which is terraform's default."""
    sim.applied('resource "sim_service" "a" {\n  count = 20\n  name  = "a${count.index}"\n}\n')
    monkeypatch.setenv("SIM_READ_MS", "400")
    sim.plan("p")
    ends = sorted(each["at"] for each in sim.cloud.log_lines())
    assert len(ends) == 20
    assert 0.3 < ends[-1] - ends[0] < 20 * 0.4 / 2


def test_an_interrupted_apply_saves_the_object_that_is_being_created(sim, monkeypatch):
    """Ctrl-C reaches the provider too; like real providers it completes the call."""
    sim.write(service("a"))
    monkeypatch.setenv("SIM_CREATE_MS", "1500")
    with subprocess.Popen(
        ["terraform", *APPLY], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as started:
        for line in started.stdout:
            if "Creating..." in line:
                os.killpg(started.pid, signal.SIGINT)
                break
        rest = started.stdout.read()
    assert "Interrupt received." in rest
    assert [each["id"] for each in sim.objects()] == [resources(sim)["sim_service.a"]["values"]["id"]]


def test_the_provider_does_not_outlive_a_killed_terraform(sim, monkeypatch):
    """No process of a test is left."""
    sim.write(service("a"))
    monkeypatch.setenv("SIM_CREATE_MS", "500")
    with subprocess.Popen(["terraform", *APPLY], stdout=subprocess.PIPE, text=True, start_new_session=True) as started:
        next(line for line in started.stdout if "Creating..." in line)
        started.kill()
    deadline = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(started.pid, 0)  # terraform's process group: the provider is in it too
            assert time.monotonic() < deadline
            time.sleep(0.05)

"""Changes of the plan file and of the state between the failure and the retry: which of them are refused."""

from __future__ import annotations

import pytest
from saved_plans import PULL, fact, refused, service, succeeded

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

IGNORED = ("lifecycle {", "ignore_changes = [size]", "}")
KEPT = service("kept", "size = 1", *IGNORED)


@pytest.fixture
def planned(sim):
    """A plan that creates `a` and `b`, updates `changed` and leaves `kept` alone; the creation of `b` fails once."""
    sim.applied(KEPT + service("changed", "size = 1"))
    sim.drift("kept", size=5)
    sim.write(KEPT + service("changed", "size = 2") + service("a") + service("b") + service("other"))
    sim.plan("tfplan", "-refresh=false", *(f"-target=sim_service.{name}" for name in ("a", "b", "changed")))
    sim.fail("create", "b", attempts=1)
    return sim


APPLIES = "terraform apply -auto-approve -no-color -refresh=false"
QUIETLY = " >/dev/null </dev/null"
# Commands of another run, and the message if its change is noticed before the wait.
RUNS = {
    "apply": (f"{APPLIES} -target=sim_service.other", "sim_service.other was added or removed since the approval"),
    "refresh": ("terraform apply -auto-approve -refresh-only", "sim_service.kept has changed since the approval"),
    "rm": ("terraform state rm sim_service.kept", "sim_service.kept was added or removed since the approval"),
    "taint": ("terraform taint sim_service.kept", "sim_service.kept has changed since the approval"),
}
STATES = {
    "workspace": ("terraform workspace new other", "the state has been replaced: its lineage is not that of the plan"),
    "deleted": ("rm terraform.tfstate", "the state has been replaced: its lineage is not that of the plan"),
    "lineage": (
        """sed -i 's/"lineage": "......../"lineage": "00000000/' terraform.tfstate""",
        "the state has been replaced: its lineage is not that of the plan",
    ),
    "serial": (
        """sed -i 's/"serial": [0-9]*/"serial": 0/' terraform.tfstate""",
        "the state has been rolled back: its serial is lower than that of the plan",
    ),
    "no state": ("echo x >terraform.tfstate", "not continued: "),  # terraform 1.6 takes it for an empty one
}
OBJECTS = {
    "vanished": (
        "terraform state rm sim_service.a",
        "sim_service.a was reported as complete, and is not in the state",
    ),
    "an update vanished": (
        "terraform state rm sim_service.changed",
        "sim_service.changed was reported as complete, and is not in the state",
    ),
    "made by another": (
        f"{APPLIES} -target=sim_service.b",
        "sim_service.b was created, and terraform did not report this change as complete",
    ),
    "tainted": (
        "terraform taint sim_service.a",
        "sim_service.a is tainted: it was created, and a later step of its creation failed",
    ),
}


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize("act", [*RUNS, *STATES, *OBJECTS])
def test_the_state_at_the_failure_must_agree_with_the_reports(apply, wrap, act):
    """The message names the objects; there is no value, no wait, and the exit code is terraform's."""
    script, sentence = {**RUNS, **STATES, **OBJECTS}[act]
    wrap.at(PULL, script + QUIETLY)
    done = apply("tfplan")
    assert refused(done, sentence, "terraform plan -out=NEWPLAN")
    assert "retrying in" not in done.stderr
    assert wrap.calls.count("apply") == 1


@pytest.mark.parametrize("act", [*RUNS, "workspace", "untaint"])
def test_a_change_during_the_wait_is_refused(planned, apply, wrap, act):
    """Also if the other run has undone its change."""
    back_again = "terraform taint sim_service.kept && terraform untaint sim_service.kept"
    script = {**RUNS, **STATES, "untaint": (back_again, "")}[act][0]
    wrap.at(PULL, f"{{ {script}; }}{QUIETLY}", number=2)
    done = apply("tfplan")
    assert refused(done, "another run has changed the state while tfretry waited", "terraform plan -out=NEWPLAN")
    assert [call.name for call in planned.calls("create") if call.name != "other"] == ["a"]


@pytest.mark.parametrize("act", RUNS)
def test_a_change_right_before_the_apply_is_refused_by_terraform(planned, apply, wrap, act):
    """With its own error; our message says that another run has changed the state."""
    wrap.at("apply", RUNS[act][0] + QUIETLY, number=2)
    done = apply("-json" if act in ("rm", "taint") else "-no-color", "tfplan")
    assert refused(done, "another run has changed the state since the last attempt", "terraform plan -out=NEWPLAN")
    assert "Saved plan is stale" in done.stdout + done.stderr
    assert [call.name for call in planned.calls("create") if call.name != "other"] == ["a"]


def test_a_state_that_was_not_written_must_be_the_one_of_the_plan(sim, apply, wrap):
    """A failed update changes neither serial nor lineage: the objects must be the same, too."""
    sim.applied(service("a", "size = 1") + KEPT)
    sim.write(service("a", "size = 2") + KEPT)
    sim.plan("tfplan")
    sim.fail("update", "a", attempts=1)
    wrap.at(PULL, """sed -i 's/"size": 1,/"size": 7,/' terraform.tfstate""")
    done = apply("tfplan")
    assert refused(done, "the state is not the one that the plan was made on")
    assert sim.calls("update") == []


def test_a_refusal_names_ten_addresses_and_counts_the_others(sim, apply, wrap):
    """Of 30 objects that are gone and of 12 changes that are left."""
    many = "resource sim_service kept {\n  count = 30\n  name = count.index\n}\n"
    sim.applied(many)
    sim.write(many + "resource sim_service late {\n  count = 12\n  name = count.index\n}\n")
    sim.plan("tfplan")
    sim.fail("create", attempts=1)
    wrap.at(PULL, f"terraform state rm sim_service.kept{QUIETLY}")
    done = apply("tfplan")
    assert refused(done, "and 20 more", "2 more")
    assert done.stderr.count("sim_service.kept[") == 10
    (left,) = [line for line in done.stderr.splitlines() if "Left of the approved plan" in line]
    assert left.count("sim_service.late[") == 10


RENAMED = "mv other tfplan"
CHANGES_OF_NAME = ("touch tfplan; chmod 600 tfplan", "ln tfplan second", RENAMED, "rm tfplan", "mkdir tfplan")


def test_another_file_with_the_name_of_the_plan_file_is_ignored(sim, apply, wrap):
    """After a touch, with another link, another plan, no file or a directory: the approved file is open."""
    sim.write(service("a") + service("b"))
    assert sim.terraform("plan", "-out=the approved one").returncode == 0
    (sim.folder / "tfplan").symlink_to("the approved one")
    sim.write(service("a") + service("b", "size = 3"))
    sim.plan("other")
    sim.fail("create", "b", attempts=len(CHANGES_OF_NAME) + 2)
    at = {2 * number + 1: act for number, act in enumerate([*CHANGES_OF_NAME, "rm 'the approved one'"])}
    wrap.write("".join(f'[ "$call $n" != "{PULL} {number}" ] || {{ {act}; }}\n' for number, act in at.items()))
    assert succeeded(apply("tfplan"))
    assert [each["size"] for each in sim.objects()] == [None, None]


@pytest.mark.parametrize("second_name", [True, False])
def test_a_plan_file_that_is_overwritten_is_refused(sim, apply, wrap, second_name):
    """By `plan -out` with its name, or with another name of the same file; at the second retry, too."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    (sim.folder / "second").hardlink_to(sim.folder / "tfplan")
    sim.fail("create", "b", attempts=3)
    wrap.at(PULL, f"terraform plan -out={'second' if second_name else 'tfplan'}{QUIETLY}", number=3)
    done = apply("tfplan")
    assert refused(done, "the plan file has been overwritten since the first attempt")
    assert wrap.calls.count("apply") == 2


@pytest.mark.parametrize("cut", ["half", "empty", "garbage"])
def test_a_plan_file_that_is_damaged_meanwhile_is_refused(sim, apply, wrap, cut):
    """If it is truncated, empty or extended."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    size = (sim.folder / "tfplan").stat().st_size
    wrap.at(PULL, {"half": f"truncate -s {size // 2} tfplan", "empty": ": >tfplan", "garbage": "echo x >>tfplan"}[cut])
    assert refused(apply("tfplan"), "the plan file has been overwritten since the first attempt")


def test_a_lock_of_another_run_is_waited_for(sim, apply, wrap):
    """As long as -lock-timeout allows; nothing is proved again, since the state is the same afterwards."""
    sim.applied(fact("f") + service("a") + 'output "f" {\n  value = data.sim_fact.f.value\n}\n')
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    # Terraform itself: it holds the lock while it asks for approval, and the answer is no.
    holder = "{ sleep 4; echo no; } | terraform apply >/dev/null 2>&1 &"
    is_held = "until [ -e .terraform.tfstate.lock.info ]; do sleep 0.05; done"
    wrap.at("apply", f"{holder}\n{is_held}", number=2)
    done = apply("-lock-timeout=60s", "tfplan")
    assert succeeded(done)
    assert wrap.calls.count("apply") == 2

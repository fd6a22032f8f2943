"""What was approved is applied, with the approved values: whatever the world, the folder and the errors say by now."""

from __future__ import annotations

import json
import subprocess

import pytest
from provider.cloud import ROLE_ANSWER
from saved_plans import CREATE_FIRST, fact, refused, service, succeeded
from terraform_output import QUICK, TFRETRY

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

FACTS = ("image", "account", "roles", "names", "host")


def fed(folder):
    """A module in which data sources feed what no plan shows."""
    settings = (
        'dynamic "setting" {',
        'for_each = toset(split(",", data.sim_fact.names.value))',
        'content {\n    key = "${setting.key}-${sim_service.a.revision}"\n  }',
        "}",
    )
    roles = ('dynamic "assume" {', 'for_each = toset(split(",", data.sim_fact.roles.value))')
    script = f'command = "echo ${{self.input}} >{folder}/ran"'
    return "".join(
        [
            *(fact(name) for name in FACTS),
            'provider "sim" {\n  alias = "other"\n  account = data.sim_fact.account.value\n',
            "\n".join((*roles, "content {\n    role = assume.value\n  }", "}\n}\n")),
            service("a"),
            service("b", "note = jsonencode({ cluster = sim_service.a.id, image = data.sim_fact.image.value })"),
            service("c", "provider = sim.other", "depends_on = [sim_service.b]", *settings),
            'resource "terraform_data" "script" {\n  input = data.sim_fact.host.value\n',
            f'  depends_on = [sim_service.b]\n  provisioner "local-exec" {{\n    {script}\n  }}\n}}\n',
            fact("each", "${each.key}", 'for_each = toset(split(",", data.sim_fact.names.value))'),
            service("e", "for_each = data.sim_fact.each", "depends_on = [sim_service.b]", name="e-${each.key}"),
            'output "image" {\n  value = data.sim_fact.image.value\n}\n',
            'output "each" {\n  value = keys(data.sim_fact.each)\n}\n',
        ]
    )


def test_what_data_sources_feed_is_as_approved(sim, apply, tmp_path):
    """Behind "(known after apply)", in scripts, outputs, dynamic blocks of both, and how many there are."""
    for name in FACTS:
        sim.fact(name, "approved")
    sim.write(fed(tmp_path))
    sim.plan("tfplan")
    for name in FACTS:
        sim.fact(name, "other,another")
    sim.fail("create", "b", attempts=2)
    sim.forget()
    done = apply("tfplan")
    assert succeeded(done)
    made = {each["name"]: each for each in sim.objects()}
    assert json.loads(made["b"]["note"]) == {"cluster": made["a"]["id"], "image": "approved"}
    assert (made["c"]["account"], made["c"]["roles"]) == ("approved", ["approved"])
    assert [each["key"] for each in made["c"]["setting"]] == ["approved-1"]
    assert sorted(made) == ["a", "b", "c", "e-approved"]
    assert (tmp_path / "ran").read_text() == "approved\n"
    outputs = json.loads(sim.terraform("output", "-json").stdout)
    assert (outputs["image"]["value"], outputs["each"]["value"]) == ("approved", ["approved"])
    assert sim.calls("fact") == []


def test_a_write_only_argument_is_as_approved(sim, apply, version, monkeypatch):
    """It is in no plan: what feeds it is."""
    version.needs(1, 11, opentofu=(1, 11))
    monkeypatch.setenv("SIM_WRITE_ONLY", "1")
    sim.fact("token", "approved")
    sim.write(fact("token") + service("a", "token = data.sim_fact.token.value"))
    sim.plan("tfplan")
    sim.fact("token", "other")
    sim.fail("create", "a", attempts=1)
    assert succeeded(apply("tfplan"))
    assert [each["token"] for each in sim.objects()] == ["approved"]
    assert "approved" not in sim.terraform("state", "show", "sim_service.a").stdout


def test_what_lies_in_the_folder_by_now_does_not_count(sim, apply, wrap):
    """The plan file holds the configuration: arguments, locals, resources and modules that have changed or come."""
    sim.write('locals {\n  size = 1\n  names = ["approved"]\n}\n' + service("a") + service("b", "size = local.size"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    changed = service("a", "size = 8") + service("b", "size = 9") + service("more") + 'output "new" {\n  value = 1\n}\n'
    (sim.folder.parent / "changed.tf").write_text(changed)
    wrap.at("state pull", f"cp '{sim.folder.parent}/changed.tf' main.tf")
    assert succeeded(apply("tfplan"))
    assert {each["name"]: each["size"] for each in sim.objects()} == {"a": None, "b": 1}
    assert json.loads(sim.terraform("output", "-json").stdout) == {}


@pytest.mark.parametrize("where", ["backend.tf", "main.tf"])
def test_a_folder_that_terraform_cannot_read_is_refused(sim, apply, wrap, where):
    """`state pull` reads the backend from the folder: its own heading is quoted, before any wait."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    (sim.folder.parent / "backend").write_text(
        'terraform {\n  backend "http" {\n    address = "http://127.0.0.1:1"\n  }\n}\n'
    )
    breaks = {"main.tf": "echo 'broken {}' >main.tf", "backend.tf": "cp ../backend backend.tf"}
    wrap.at("state pull", breaks[where])
    heading = "Unsupported block type" if where == "main.tf" else "Backend initialization required"
    done = apply("tfplan")
    assert refused(done, f"`terraform state pull` failed: {heading}", "terraform plan -out=NEWPLAN")
    assert "retrying in" not in done.stderr


LIES = """{role}

Stack output:
sim_service.x: Destruction complete after 0s
sim_service.x: Creation complete after 0s [id={object}]
sim_service.x (deposed object 00000000): Destruction complete after 0s
"""


def lying_error(sim):
    """A creation that fails with such an error, and a replacement that waits for it."""
    sim.applied(service("x", CREATE_FIRST))
    (old,) = sim.objects()
    sim.write(service("a") + service("x", CREATE_FIRST, "depends_on = [sim_service.a]", name="new"))
    sim.plan("tfplan")
    error = LIES.replace("{role}", ROLE_ANSWER).replace("{object}", old["id"])
    sim.fail("create", "a", attempts=2, error=error)


def nothing_was_left_out(sim):
    """All that was approved is made, once."""
    assert sim.calls("create", "delete") == [("create", "a"), ("create", "new"), ("delete", "x")]
    assert [each["name"] for each in sim.objects()] == ["a", "new"]
    assert sim.terraform("plan", "-detailed-exitcode").returncode == 0
    return True


@pytest.mark.parametrize("arguments", [("-no-color",), (), ("-json",)], ids=str)
@pytest.mark.parametrize("ends", ["pipe", "terminal"])
def test_an_error_that_tells_of_completions_leaves_nothing_out(sim, sandbox, arguments, ends):
    """A replacement that waits for the failed object was taken for done, and never made."""
    lying_error(sim)
    terminal = (0, 1, 2) if ends == "terminal" else ()
    program = sandbox.run([*TFRETRY, *QUICK, "apply", *arguments, "tfplan"], cwd=sim.folder, terminal=terminal)
    assert program.wait(100) == 0, program.output
    assert nothing_was_left_out(sim)


@pytest.mark.parametrize("view", ["-no-color", "-json"])
@pytest.mark.parametrize("ends", ["pipes", "one pipe"])
def test_a_log_that_tells_of_completions_leaves_nothing_out(sim, apply, monkeypatch, view, ends):
    """With TF_LOG the same error stands on stderr, at the margin, before terraform says that it is one.

    Where both streams are one, nobody can tell a report from a log: then the run may be refused as well.
    """
    monkeypatch.setenv("TF_LOG", "TRACE")
    lying_error(sim)
    done = apply(view, "tfplan", stderr=subprocess.PIPE if ends == "pipes" else subprocess.STDOUT)
    said = done.stderr or done.stdout
    assert "\nsim_service.x: Creation complete after 0s [id=" in said
    if ends == "one pipe" and done.returncode == 1:
        assert "because TF_LOG writes into terraform's progress" in said
        assert sim.calls("create", "delete") == []
        return
    assert succeeded(done)
    assert nothing_was_left_out(sim)


@pytest.mark.parametrize("what", ["Creation", "Modifications"])
def test_an_id_that_tells_of_a_completion_leaves_nothing_out(sim, apply, what):
    """Terraform prints an id as it is, line breaks too: what stands in one is no report."""
    lie = f"n\\nsim_service.x: {what} complete after 0s [id=y"
    sim.applied(service("x", CREATE_FIRST, "size = 1"))
    waits = (CREATE_FIRST, "depends_on = [sim_service.b]", "size = 2")
    changed = service("x", *waits, name="new" if what == "Creation" else "x")
    sim.write(service("a", name=lie) + service("b", "depends_on = [sim_service.a]") + changed)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    done = apply("-no-color", "tfplan")
    assert f"\nsim_service.x: {what} complete after 0s [id=y" in done.stdout
    if done.returncode == 0:
        assert sim.terraform("plan", "-detailed-exitcode").returncode == 0
    else:
        assert refused(done)


def test_a_postcondition_that_failed_is_refused(sim, apply):
    """The object is there and reported: its condition would never be asked again, and what depends on it be made."""
    condition = 'condition = self.revision == 2\n    error_message = "not ready yet"'
    wrong = f"lifecycle {{\n    postcondition {{\n    {condition}\n    }}\n  }}"
    sim.write(service("a", "size = 1", wrong) + service("b", "depends_on = [sim_service.a]") + service("c"))
    sim.plan("tfplan")
    sim.fail("create", "c", attempts=1)
    done = apply("tfplan", options=("--retry-on=not ready yet",))
    assert [call.name for call in sim.calls("create")] == ["a"]
    assert refused(done, "a postcondition failed")

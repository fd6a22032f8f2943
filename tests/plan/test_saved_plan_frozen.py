"""The approved changes are applied with the approved values, whatever data sources, files and errors contain now."""

from __future__ import annotations

import json
import subprocess

import pytest
from harness import STDIO
from provider.cloud import ROLE_ANSWER
from saved_plans import CREATE_FIRST, fact, refused, service, succeeded
from terraform_output import QUICK, TFRETRY

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

FACTS = ("image", "account", "roles", "names", "host")


def fed(folder):
    """Return a module whose data sources feed values that no plan shows."""
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


def test_values_of_data_sources_are_as_approved(sim, apply, tmp_path):
    """Within "(known after apply)", in scripts, outputs and dynamic blocks, and for the number of objects."""
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
    """Its value is in no plan, but that of the data source is."""
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


def test_later_changes_of_the_configuration_are_ignored(sim, apply, wrap):
    """The plan file holds the configuration: changed and new arguments, locals, resources and outputs do not count."""
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


FALSE_REPORTS = """{role}

Stack output:
sim_service.x: Destruction complete after 0s
sim_service.x: Creation complete after 0s [id={object}]
sim_service.x (deposed object 00000000): Destruction complete after 0s
"""


def fail_with_false_reports(sim):
    """Let a creation fail with such an error, and a replacement wait for it."""
    sim.applied(service("x", CREATE_FIRST))
    (old,) = sim.objects()
    sim.write(service("a") + service("x", CREATE_FIRST, "depends_on = [sim_service.a]", name="new"))
    sim.plan("tfplan")
    error = FALSE_REPORTS.replace("{role}", ROLE_ANSWER).replace("{object}", old["id"])
    sim.fail("create", "a", attempts=2, error=error)


def nothing_was_left_out(sim):
    """Check that each approved change is made once."""
    assert sim.calls("create", "delete") == [("create", "a"), ("create", "new"), ("delete", "x")]
    assert [each["name"] for each in sim.objects()] == ["a", "new"]
    assert sim.terraform("plan", "-detailed-exitcode").returncode == 0
    return True


@pytest.mark.parametrize("arguments", [("-no-color",), (), ("-json",)], ids=str)
@pytest.mark.parametrize("ends", ["pipe", "terminal"])
def test_false_reports_in_an_error_leave_nothing_out(sim, sandbox, arguments, ends):
    """The replacement that waits for the failed object was once taken for done, and never made."""
    fail_with_false_reports(sim)
    terminal = STDIO if ends == "terminal" else ()
    program = sandbox.run([*TFRETRY, *QUICK, "apply", *arguments, "tfplan"], cwd=sim.folder, terminal=terminal)
    assert program.wait(100) == 0, program.output
    assert nothing_was_left_out(sim)


@pytest.mark.parametrize("view", ["-no-color", "-json"])
@pytest.mark.parametrize("ends", ["pipes", "one pipe"])
def test_false_reports_in_a_log_leave_nothing_out(sim, apply, monkeypatch, view, ends):
    """With TF_LOG the text is on stderr too, at the start of a line, before terraform prints the error.

    If both streams are one, a report looks like a line of the log: the run may be refused then.
    """
    monkeypatch.setenv("TF_LOG", "TRACE")
    fail_with_false_reports(sim)
    done = apply(view, "tfplan", stderr=subprocess.PIPE if ends == "pipes" else subprocess.STDOUT)
    output = done.stderr or done.stdout
    assert "\nsim_service.x: Creation complete after 0s [id=" in output
    if ends == "one pipe" and done.returncode == 1:
        assert "because TF_LOG writes into terraform's progress" in output
        assert sim.calls("create", "delete") == []
        return
    assert succeeded(done)
    assert nothing_was_left_out(sim)


@pytest.mark.parametrize("kind", ["Creation", "Modifications"])
def test_a_false_report_in_an_id_leaves_nothing_out(sim, apply, kind):
    """Terraform prints an id unescaped, line breaks too: text in an id is no report."""
    label = f"n\\nsim_service.x: {kind} complete after 0s [id=y"
    sim.applied(service("x", CREATE_FIRST, "size = 1"))
    waits = (CREATE_FIRST, "depends_on = [sim_service.b]", "size = 2")
    changed = service("x", *waits, name="new" if kind == "Creation" else "x")
    sim.write(service("a", name=label) + service("b", "depends_on = [sim_service.a]") + changed)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    done = apply("-no-color", "tfplan")
    assert f"\nsim_service.x: {kind} complete after 0s [id=y" in done.stdout
    if done.returncode == 0:
        assert sim.terraform("plan", "-detailed-exitcode").returncode == 0
    else:
        assert refused(done)


def test_a_postcondition_that_failed_is_refused(sim, apply):
    """The object exists and is reported: a retry would not check its condition, and would create dependent objects."""
    condition = 'condition = self.revision == 2\n    error_message = "not ready yet"'
    wrong = f"lifecycle {{\n    postcondition {{\n    {condition}\n    }}\n  }}"
    sim.write(service("a", "size = 1", wrong) + service("b", "depends_on = [sim_service.a]") + service("c"))
    sim.plan("tfplan")
    sim.fail("create", "c", attempts=1)
    done = apply("tfplan", options=("--retry-on=not ready yet",))
    assert [call.name for call in sim.calls("create")] == ["a"]
    assert refused(done, "a postcondition failed")

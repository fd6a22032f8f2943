"""Saved plans with the real terraform and the provider of these tests: what is left of the approved file is applied."""

from __future__ import annotations

import json

import pytest
from provider.cloud import DENIED_ANSWER
from saved_plans import CREATE_FIRST, PULL, SHOW, refused, service, succeeded
from terraform_output import QUICK

pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

RETRY = [PULL, SHOW, SHOW, PULL, "apply"]  # the calls of terraform for one retry


def test_the_rest_of_a_plan_is_applied(sim, apply):
    """Nothing is created twice, terraform alone speaks on stdout, and it plans nothing."""
    sim.write(service("a") + service("b") + 'output "name" {\n  value = sim_service.b.name\n}\n')
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    sim.forget()
    done = apply("tfplan")
    assert succeeded(done)
    assert "tfretry: applied on attempt 3" in done.stderr
    assert [call.name for call in sim.calls("create")] == ["a", "b"]
    assert sim.calls("read") == []
    assert "Apply complete! Resources: 1 added" in done.stdout
    assert not any(word in done.stdout for word in ("tfretry", "Plan:", "will be created"))
    assert sim.terraform("output", "-raw", "name").stdout == "b"
    assert sim.terraform("plan", "-detailed-exitcode").returncode == 0


def test_the_happy_path_runs_terraform_once(sim, wrap):
    """Terraform is called again only after a role error; there is no message about --refresh-on-retry either."""
    sim.write(service("a"))
    sim.plan("tfplan")
    done = sim.tfretry("--refresh-on-retry", "apply", "tfplan")
    assert (done.returncode, done.stderr, wrap.calls) == (0, "", ["apply"])


def test_each_retry_pulls_the_state_shows_both_plans_and_pulls_again(sim, apply, wrap):
    """Each time from the approved file and the current state; one early message says that the plan is not refreshed."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    done = apply("tfplan", options=("--refresh-on-retry",))
    assert succeeded(done)
    assert wrap.calls == ["apply", *RETRY, *RETRY]
    assert done.stderr.count("--refresh-on-retry has no effect on a saved plan") == 1
    assert done.stderr.index("--refresh-on-retry has no effect") < done.stderr.index("retrying in")


def test_from_another_folder(sim, tmp_path):
    """With -chdir the plan file is in that folder, and terraform finds the rest from there."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    (tmp_path / "tfplan").write_text("another file")
    done = sim.tfretry(*QUICK, f"-chdir={sim.folder.name}", "apply", "tfplan", cwd=tmp_path)
    assert succeeded(done)
    assert [call.name for call in sim.calls("create")] == ["a", "b"]


def test_giving_up_needs_no_further_call_of_terraform(sim, wrap):
    """Nothing is proved for an attempt that does not follow."""
    sim.write(service("a"))
    sim.plan("tfplan")
    sim.fail("create", "a")
    done = sim.tfretry(*QUICK, "--max-attempts=2", "apply", "tfplan")
    assert (done.returncode, wrap.calls) == (1, ["apply", *RETRY])
    assert "tfretry: gave up after 2 attempts" in done.stderr


@pytest.mark.parametrize(
    ("lines", "calls"),
    [((), ["apply"]), (("depends_on = [sim_service.a]",), ["apply", *RETRY])],
    ids=["beside", "alone"],
)
def test_another_error_ends_it(sim, apply, wrap, lines, calls):
    """Beside the role error, or alone on a retry: terraform's exit code, and terraform is not called again."""
    sim.write(service("a") + service("b", *lines))
    sim.plan("tfplan")
    sim.fail("create", "a", attempts=1)
    sim.fail("create", "b", error=DENIED_ANSWER, gate=False)
    done = apply("tfplan")
    assert (done.returncode, wrap.calls) == (1, calls)
    assert "tfretry: not retried: sim_service.b failed for another reason" in done.stderr


def test_an_update_that_is_done_and_a_create_that_failed(sim, apply):
    """The update is not made twice."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    assert [call.name for call in sim.calls("update")] == ["a"]
    assert [call.name for call in sim.calls("create")] == ["b"]


def test_a_replacement_whose_delete_is_done(sim, apply):
    """Only the creation is left; outputs are those of the new object."""
    sim.applied(service("a"))
    sim.write(service("a", name="new") + 'output "name" {\n  value = sim_service.a.name\n}\n')
    sim.plan("tfplan")
    sim.fail("create", "new", attempts=1)
    assert succeeded(apply("tfplan"))
    assert sim.calls("create", "delete") == [("delete", "a"), ("create", "new")]
    assert sim.terraform("output", "-raw", "name").stdout == "new"


def test_create_before_destroy_whose_old_object_is_left(sim, apply):
    """The deposed object is deleted by the retry, and nothing is created again."""
    sim.applied(service("a", CREATE_FIRST))
    sim.write(service("a", CREATE_FIRST, name="new"))
    sim.plan("tfplan")
    sim.fail("delete", "a", attempts=2)
    assert succeeded(apply("tfplan"))
    assert sim.calls("create", "delete") == [("create", "new"), ("delete", "a")]


EACH = 'resource "sim_service" "s" {{\n  for_each = toset({names})\n  name = each.key\n}}\n'


def test_for_each_with_a_delete_and_modules(sim, apply):
    """Indexes and module paths are part of an address."""
    sim.write('variable "names" {\n  type = list(string)\n}\n' + EACH.format(names="var.names"), "app/main.tf")
    call = 'module "app" {{\n  source = "./app"\n  names = {names}\n}}\n'
    sim.write(call.format(names='["old", "kept"]'))
    assert sim.terraform("get").returncode == 0
    sim.applied(call.format(names='["old", "kept"]'))
    sim.write(call.format(names='["kept", "new one", "x"]'))
    sim.plan("tfplan")
    sim.fail("create", "new one", attempts=1)
    done = apply("tfplan", "-no-color")
    assert succeeded(done)
    assert 'module.app.sim_service.s["new one"]: the ECS' in done.stderr
    assert sorted(sim.calls("create", "delete")) == [("create", "new one"), ("create", "x"), ("delete", "old")]


def test_drift_of_another_object_is_left_alone(sim, apply):
    """Nothing is refreshed, so no change by others is undone."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 1") + service("b"))
    sim.plan("tfplan")
    sim.forget()
    sim.drift("a", size=9)
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    assert sim.calls("update", "read") == []


def test_drift_that_the_plan_has_seen_is_not_refused(sim, apply):
    """The refresh of the plan is in the plan file, and terraform saves it with the first attempt, or not at all."""
    sim.applied(service("a", "size = 1") + service("kept", "lifecycle {", "ignore_changes = [size]", "}"))
    sim.drift("kept", size=9)
    sim.write(service("a", "size = 2") + service("kept", "lifecycle {", "ignore_changes = [size]", "}"))
    sim.plan("tfplan")
    sim.fail("update", "a", attempts=2)
    assert succeeded(apply("tfplan"))
    assert [call.name for call in sim.calls("update")] == ["a"]


def test_an_object_that_feeds_a_script_may_be_changed_as_approved(sim, apply, tmp_path):
    """The update is done with the first attempt; the script runs with what was approved."""
    sim.applied(service("a", 'note = "old"') + service("kept", 'note = "kept"'))
    script = f'command = "echo ${{sim_service.a.note}} ${{sim_service.kept.note}} >{tmp_path}/ran"'
    fed = service("b", 'provisioner "local-exec" {', script, "}")
    sim.write(service("a", 'note = "new"') + service("kept", 'note = "kept"') + fed)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    assert (tmp_path / "ran").read_text() == "new kept\n"


def test_an_object_with_a_timestamp_is_not_updated_again(sim, apply):
    """A second plan would update the object that was just created; there is none."""
    sim.write(service("a", "note = timestamp()") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    assert [call.name for call in sim.calls("create", "update")] == ["a", "b"]


def test_a_tainted_object_is_refused(sim, apply):
    """It would be replaced, which was not approved."""
    sim.write(service("a"))
    sim.plan("tfplan")
    sim.fail("create", "a", attempts=1, leaves=True)
    assert refused(apply("tfplan"), "sim_service.a is tainted")
    assert sim.calls("delete") == []


VARIABLES = """
variable "secret" {
  type      = string
  sensitive = true
}
variable "big" {
  type = number
}
variable "tree" {
  type = map(object({ list = list(any), flag = bool }))
}
variable "unset" {
  type    = string
  default = null
}
"""
SECRET = 's3cr3t-"${literal}"-value'


@pytest.mark.parametrize("ends_well", [True, False])
def test_no_value_leaves_the_plan(sim, apply, wrap, tmp_path, ends_well):
    """Sensitive, complex and long variables arrive; no value is in our messages, the arguments or the report."""
    uses = ("secret = var.secret", 'note = "${var.big} ${jsonencode(var.tree)}"')
    sim.write(VARIABLES + service("a", "secret = var.secret") + service("b", *uses))
    numbers = "12345678901234567890.12345678901234567890123456789"
    values = f"secret = {json.dumps(SECRET).replace('${', '$${')}\nbig = {numbers}\n"
    (tmp_path / "values.tfvars").write_text(values + 'tree = { "a b" = { list = [1, 2.50], flag = true } }\n')
    sim.plan("tfplan", f"-var-file={tmp_path / 'values.tfvars'}")
    sim.fail("create", "b", attempts=1)
    taint = "" if ends_well else f'[ "$call $n" != "{PULL} 1" ] || terraform taint -no-color sim_service.a >/dev/null'
    wrap.write(f'printf "%s\\n" "$@" >>{tmp_path}/arguments\n{taint}')
    done = apply("tfplan", options=(f"--report={tmp_path / 'report.json'}",))
    output = done.stdout + done.stderr + (tmp_path / "report.json").read_text() + (tmp_path / "arguments").read_text()
    assert "s3cr3t" not in output
    if not ends_well:
        assert refused(done, "sim_service.a", "terraform plan -out=NEWPLAN")
        return
    assert succeeded(done)
    made = next(each for each in sim.objects() if each["name"] == "b")
    assert (made["secret"], numbers[:38] in made["note"]) == (SECRET, True)
    attempts = json.loads((tmp_path / "report.json").read_text())["attempts"]
    assert attempts[1]["command"][-1].startswith("/proc/")


@pytest.mark.parametrize("view", ["-json", "-no-color", "-input=false"])
def test_a_plan_is_continued_in_every_view(sim, apply, view):
    """Finished changes are read from JSON lines too, and the user's other options stay."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b"))
    sim.plan("my plan")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply(view, "my plan"))
    assert len(sim.calls("update")) == 1


def test_arguments_of_the_environment_do_not_stop_it(sim, apply, monkeypatch):
    """`show` accepts few of the options that TF_CLI_ARGS may hold; our former variable is ignored."""
    sim.write(service("a") + service("b"))
    assert sim.terraform("plan", "-out=-odd name").returncode == 0
    monkeypatch.setenv("TF_CLI_ARGS", "-input=false")
    monkeypatch.setenv("TF_CLI_ARGS_show", "-no-such-option")
    monkeypatch.setenv("TF_CLI_ARGS_state_pull", "-no-such-option")
    monkeypatch.setenv("TFRETRY_PLAN_ARGS", "-destroy")
    monkeypatch.setenv("TF_LOG", "DEBUG")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("-lock-timeout=3s", "--", "-odd name"))


@pytest.mark.parametrize("where", ["option", "option=", "file"])
def test_plan_args_is_gone(sim, where):
    """The error says so before anything runs."""
    sim.write(service("a"))
    sim.plan("tfplan")
    if where == "file":
        (sim.folder / ".tfretry.toml").write_text('plan_args = "-destroy"\n')
    own = {"option": ("--plan-args", "-destroy"), "option=": ("--plan-args=-destroy",), "file": ()}[where]
    done = sim.tfretry(*own, "apply", "tfplan")
    assert (done.returncode, done.stdout, sim.calls("create")) == (125, "", [])
    assert "is gone: a saved plan needs it no longer" in done.stderr

"""Saved plans with the real terraform and the provider of these tests: what is continued, and what is refused."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture"]

TFRETRY = (sys.executable, "-m", "tfretry")
QUICK = ("--first-wait=10ms", "--longest-wait=20ms")


def service(name, *lines):
    return f'resource "sim_service" "{name}" {{\n  name = "{name}"\n' + "".join(f"  {line}\n" for line in lines) + "}\n"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """TMPDIR is a folder of the test's own, in which nothing must be left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def apply(sim, temporary):
    """Apply a saved plan through tfretry; afterwards nothing is left in TMPDIR."""

    def run(*arguments, options=()):
        done = sim.tfretry(*QUICK, *options, "apply", *arguments)
        assert list(temporary.iterdir()) == []
        return done

    return run


@pytest.fixture
def wrap(tmp_path, monkeypatch):
    """Let a few lines of shell run before each terraform."""

    def write(script):
        wrapper = tmp_path / "wrapper"
        wrapper.write_text(f'#!/bin/sh\n{script}\nexec terraform "$@"\n')
        wrapper.chmod(0o755)
        monkeypatch.setenv("TFRETRY_TERRAFORM", str(wrapper))

    return write


@pytest.fixture
def begin(sim):
    """Start an apply and return when its first attempt has failed; it is ended with the test, whatever happens."""
    with contextlib.ExitStack() as stack:

        def start(*arguments, first_wait="3s"):
            command = [*TFRETRY, f"--first-wait={first_wait}", "apply", *arguments]
            piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
            started = stack.enter_context(subprocess.Popen(command, cwd=sim.folder, text=True, **piped))
            stack.callback(started.kill)
            seen = ""
            while "retrying in" not in seen:
                line = started.stderr.readline()
                assert line, seen
                seen += line
            return started

        yield start


def end(started):
    stdout, stderr = started.communicate(timeout=60)
    return subprocess.CompletedProcess(started.args, started.returncode, stdout, stderr)


def test_the_rest_of_a_plan_is_applied(sim, apply):
    """Nothing is created twice, and the plan file of the user is applied once."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert "tfretry: applied on attempt 3" in done.stderr
    assert [call.name for call in sim.calls("create")] == ["a", "b"]
    assert "Apply complete!" in done.stdout
    assert "tfretry" not in done.stdout


def test_what_is_planned_anew_is_not_shown(sim, apply):
    """Stdout holds terraform's applies alone: a plan shows values."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan", "-no-color")
    assert "Plan:" not in done.stdout
    assert "will be created" not in done.stdout


def test_the_happy_path_runs_terraform_once(sim, tmp_path, wrap):
    """No `show`, no second process, before a role error has happened."""
    sim.write(service("a"))
    sim.plan("tfplan")
    log = tmp_path / "log"
    wrap(f'echo "$1" >>{log}')
    done = sim.tfretry("apply", "tfplan")
    assert (done.returncode, log.read_text()) == (0, "apply\n")


def test_a_change_that_was_not_approved_is_refused(sim, apply):
    """An attribute changes between approval and retry: the exit code is that of the failed apply."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    sim.write(service("a") + service("b", "size = 7"))
    done = apply("tfplan")
    assert done.returncode == 1
    assert "tfretry: not continued: " in done.stderr
    assert [call.name for call in sim.calls("create")] == ["a"]


def refused(done, *words):
    """The failed apply's exit code, and a sentence that says all *words*."""
    return done.returncode == 1 and "not continued: " in done.stderr and all(word in done.stderr for word in words)


def test_an_update_that_is_done_and_a_create_that_failed(sim, apply):
    """The update is not made twice."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert [call.name for call in sim.calls("update")] == ["a"]
    assert [call.name for call in sim.calls("create")] == ["b"]


def replaced(name, *lines):
    """The object of a *name* that a rename replaces."""
    return service(name, *lines).replace(f'name = "{name}"', 'name = "new"')


def test_a_replacement_whose_delete_is_done(sim, apply):
    """What was delete and create is only create now."""
    sim.applied(service("a"))
    sim.write(replaced("a"))
    sim.plan("tfplan")
    sim.fail("create", "new", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert sim.calls("create", "delete") == [("delete", "a"), ("create", "new")]


def test_create_before_destroy_whose_old_object_is_left(sim, apply):
    """The deposed object is deleted by the retry, and nothing is created again."""
    first = "lifecycle {\n    create_before_destroy = true\n  }"
    sim.applied(service("a", first))
    sim.write(replaced("a", first))
    sim.plan("tfplan")
    sim.fail("delete", "a", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
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
    assert done.returncode == 0, done.stderr
    assert 'module.app.sim_service.s["new one"]: the ECS' in done.stderr
    assert sorted(sim.calls("create", "delete")) == [("create", "new one"), ("create", "x"), ("delete", "old")]


def test_drift_of_another_object_is_left_alone(sim, apply):
    """Nothing is refreshed, so nothing foreign is undone."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 1") + service("b"))
    sim.plan("tfplan")
    sim.forget()
    sim.drift("a", size=9)
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert sim.calls("update", "read") == []


def test_a_data_source_that_moved_is_refused(sim, apply):
    """What it feeds was not approved with this value, and the value is not shown."""
    sim.fact("image", "approved-value")
    source = 'data "sim_fact" "image" {\n  name = "image"\n}\n'
    sim.write(source + service("a") + service("b", "note = data.sim_fact.image.value"))
    sim.plan("tfplan")
    sim.fact("image", "other-value")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan")
    assert refused(done, "sim_service.b (note)", "terraform plan -out=NEWPLAN"), done.stderr
    assert "other-value" not in done.stderr + done.stdout


@pytest.mark.parametrize("is_new", [False, True], ids=["left alone", "made by the first attempt"])
def test_an_object_that_another_run_has_changed_feeds_no_script(sim, temporary, begin, tmp_path, is_new):
    """Nothing is planned for the object by now: the script alone would be another."""
    kept = service("kept", 'note = "approved"', "lifecycle {", "ignore_changes = [note]", "}")
    script = f'command = "echo ${{sim_service.kept.note}} >{tmp_path}/ran"'
    if not is_new:
        sim.applied(kept)
    sim.write(kept + service("b", 'provisioner "local-exec" {', script, "}"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    started = begin("tfplan", first_wait="6s")
    sim.drift("kept", note="other")
    assert sim.terraform("apply", "-refresh-only", "-auto-approve").returncode == 0
    assert refused(end(started), "sim_service.kept (note)")
    assert not (tmp_path / "ran").exists()
    assert list(temporary.iterdir()) == []


def test_an_object_that_feeds_a_script_may_be_changed_as_approved(sim, apply, tmp_path):
    """The update is done with the first attempt; the script runs with what was approved."""
    sim.applied(service("a", 'note = "old"') + service("kept", 'note = "kept"'))
    script = f'command = "echo ${{sim_service.a.note}} ${{sim_service.kept.note}} >{tmp_path}/ran"'
    fed = service("b", 'provisioner "local-exec" {', script, "}")
    sim.write(service("a", 'note = "new"') + service("kept", 'note = "kept"') + fed)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran").read_text() == "new kept\n"


def test_data_that_feeds_a_connection_must_read_the_same(sim, apply):
    """The JSON shows no connection: the script would be sent to another host, and nothing else would differ."""
    sim.fact("host", "127.0.0.1")
    source = 'data "sim_fact" "host" {\n  name = "host"\n}\n'
    connection = ("connection {", "host = data.sim_fact.host.value", 'timeout = "1s"', "}")
    sim.write(source + service("b", *connection, 'provisioner "remote-exec" {', 'inline = ["true"]', "}"))
    sim.plan("tfplan")
    sim.fact("host", "127.0.0.2")
    sim.fail("create", "b", attempts=1)
    assert refused(apply("tfplan"), "data.sim_fact.host (value)")


def test_a_migration_that_would_run_twice_is_refused(sim, apply):
    """timestamp() plans an update of what has just been created."""
    sim.write(service("a", "note = timestamp()") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    assert refused(apply("tfplan"), "sim_service.a")
    assert [call.name for call in sim.calls("create", "update")] == ["a"]


def test_a_tainted_object_is_refused(sim, apply):
    """It would be replaced, and nobody approved that."""
    sim.write(service("a"))
    sim.plan("tfplan")
    sim.fail("create", "a", attempts=1, leaves=True)
    assert refused(apply("tfplan"), "sim_service.a", "tainted")
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


def test_variables_of_every_kind_reach_the_new_plan(sim, apply, tmp_path):
    """Sensitive, complex and long ones, by a private file: no value in an output, a list of arguments or a report."""
    uses = ("secret = var.secret", 'note = "${var.big} ${jsonencode(var.tree)}"')
    sim.write(VARIABLES + service("a") + service("b", *uses))
    numbers = "12345678901234567890.12345678901234567890123456789"
    values = f"secret = {json.dumps(SECRET).replace('${', '$${')}\nbig = {numbers}\n"
    (tmp_path / "values.tfvars").write_text(values + 'tree = { "a b" = { list = [1, 2.50], flag = true } }\n')
    sim.plan("tfplan", f"-var-file={tmp_path / 'values.tfvars'}")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan", options=(f"--report={tmp_path / 'report.json'}",))
    assert done.returncode == 0, done.stderr
    made = next(each for each in sim.objects() if each["name"] == "b")
    assert made["secret"] == SECRET
    assert "s3cr3t" not in done.stdout + done.stderr + (tmp_path / "report.json").read_text()
    assert numbers[:38] in made["note"]


@pytest.mark.parametrize(
    ("plan_args", "verdict"),
    [
        ((), "--plan-args=-target"),
        (("--plan-args=-target=sim_service.a -target=sim_service.b",), None),
        (("--plan-args", "-target=sim_service.a"), "sim_service.b"),
    ],
)
def test_a_targeted_plan_needs_its_targets(sim, apply, plan_args, verdict):
    """A plan file does not tell them: a complete plan is more, a narrower one less than what was approved."""
    sim.write(service("a") + service("b") + service("c"))
    sim.plan("tfplan", "-target=sim_service.a", "-target=sim_service.b")
    sim.fail("create", "b", attempts=1)
    done = apply("tfplan", options=plan_args)
    if verdict is None:
        assert done.returncode == 0, done.stderr
        assert [call.name for call in sim.calls("create")] == ["a", "b"]
    else:
        assert refused(done, verdict), done.stderr
        assert [call.name for call in sim.calls("create")] == ["a"]


@pytest.mark.parametrize("plan_args", [(), ("--plan-args=-destroy",)])
def test_a_destroy_plan_needs_its_mode(sim, apply, plan_args):
    """A plan file does not tell that either."""
    sim.applied(service("a") + service("b"))
    sim.plan("tfplan", "-destroy")
    sim.fail("delete", "b", attempts=1)
    done = apply("tfplan", options=plan_args)
    if plan_args:
        assert done.returncode == 0, done.stderr
        assert sorted(sim.calls("delete")) == [("delete", "a"), ("delete", "b")]
    else:
        assert refused(done, "--plan-args=-destroy"), done.stderr
        assert sim.calls("create") == []


def test_moves_imports_and_sets_are_continued(sim, apply):
    """They are parts of what was approved."""
    sim.applied(service("old", 'zones = ["x", "y"]'))
    sim.put("b-1", name="b", size=None)
    moved = "moved {\n  from = sim_service.old\n  to = sim_service.a\n}\n"
    brought = 'import {\n  to = sim_service.b\n  id = "b-1"\n}\n'
    kept = service("a", 'zones = ["z", "y", "x"]').replace('name = "a"', 'name = "old"')
    sim.write(kept + moved + service("b", "size = 3") + brought + service("c", 'zones = ["p", "q"]'))
    sim.plan("tfplan")
    sim.fail("create", "c", attempts=1)
    done = apply("tfplan")
    assert done.returncode == 0, done.stderr
    assert [call.name for call in sim.calls("create")] == ["c"]
    assert sorted(call.name for call in sim.calls("update")) == ["b", "old"]


def test_the_apply_runs_once_more_when_nothing_is_left_to_do(sim, apply):
    """State and outputs are then as after any apply."""
    sim.applied(service("a"))
    sim.write(replaced("a") + 'output "name" {\n  value = sim_service.a.name\n}\n')
    sim.plan("tfplan")
    sim.fail("create", "new", attempts=1)
    assert apply("tfplan").returncode == 0
    assert sim.terraform("output", "-raw", "name").stdout == "new"


def test_a_checked_plan_is_applied_again_while_the_state_is_the_same(sim, apply, tmp_path, wrap):
    """Terraform from 1.1 on refuses it if the state has changed: planning once is enough."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=3)
    log = tmp_path / "log"
    wrap(f'echo "$1" >>{log}')
    assert apply("tfplan").returncode == 0
    assert log.read_text().split() == ["apply", "show", "plan", "show", "apply", "apply", "apply"]


@pytest.mark.parametrize("view", ["-json", "-no-color", "-input=false"])
def test_a_plan_is_continued_in_every_view(sim, apply, view):
    """What is finished is read from JSON lines too, and the user's other options stay."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b"))
    sim.plan("my plan")
    sim.fail("create", "b", attempts=1)
    done = apply(view, "my plan")
    assert done.returncode == 0, done.stderr
    assert len(sim.calls("update")) == 1


def overwrite_plan(sim):
    sim.write(service("a") + service("b", "size = 3"))
    sim.plan("tfplan")


def switch_workspace(sim):
    assert sim.terraform("workspace", "new", "other").returncode == 0


def change_local(sim):
    sim.write("locals {\n  size = 2\n}\n" + service("a") + service("b"))


def remove_plan(sim):
    (sim.folder / "tfplan").unlink()


MEANWHILE = {
    overwrite_plan: "plan file",
    switch_workspace: "workspace",
    change_local: "tfconfig",
    remove_plan: "plan file",
}


@pytest.mark.parametrize(("act", "word"), MEANWHILE.items())
def test_what_changes_during_the_wait_is_refused(sim, temporary, begin, act, word):
    """The plan file overwritten or gone, the workspace switched, a local changed."""
    sim.write("locals {\n  size = 1\n}\n" + service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    started = begin("tfplan")
    act(sim)
    done = end(started)
    assert refused(done, word), done.stderr
    assert [call.name for call in sim.calls("create")] == ["a"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind_by_a_signal(sim, temporary, begin, number):
    """Whatever ends us in the wait: the private directory is gone, and the exit code says the signal."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    started = begin("tfplan")
    started.send_signal(number)
    assert end(started).returncode in (128 + number, -number)
    deadline = time.monotonic() + 20
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(temporary.iterdir()) == []


def test_a_signal_while_it_plans_ends_us(sim, temporary, tmp_path, wrap, begin):
    """With 128+N, after the plan has ended; nothing is applied."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    planning = tmp_path / "planning"
    wrap(f"[ \"$1\" != plan ] || {{ trap 'exit 1' TERM; touch {planning}; while :; do sleep 0.05; done; }}")
    started = begin("tfplan", first_wait="10ms")
    deadline = time.monotonic() + 30
    while not planning.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    started.terminate()
    assert end(started).returncode == 128 + signal.SIGTERM
    assert [call.name for call in sim.calls("create")] == ["a"]
    assert list(temporary.iterdir()) == []


def test_a_private_file_is_private(sim, temporary, tmp_path, wrap):
    """The directory is 0700, the variables are 0600, and no argument list holds a value."""
    optional = VARIABLES.replace("number", "number\n  default = 1")
    sim.write(optional.replace("bool }))", "bool }))\n  default = {}") + service("b"))
    sim.plan("tfplan", f"-var=secret={SECRET}")
    sim.fail("create", "b", attempts=1)
    wrap(
        f'[ "$1" != plan ] || stat -c %a {temporary}/tfretry-* {temporary}/tfretry-*/*.json >{tmp_path}/modes\n'
        f'echo "$@" >>{tmp_path}/arguments\n'
    )
    done = sim.tfretry(*QUICK, "apply", "tfplan")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "modes").read_text().split() == ["700", "600", "600"]
    assert "s3cr3t" not in (tmp_path / "arguments").read_text()


def test_what_cannot_be_planned_is_said(sim, apply):
    """A configuration that is broken meanwhile: the exit code is terraform's, a sentence names the command."""
    sim.write(service("a") + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    sim.write("broken {")
    assert refused(apply("tfplan"), "`terraform plan` failed with exit code 1", "terraform plan -out=NEWPLAN")


def test_no_private_directory_no_continuation(sim):
    """Where none can be made it says so; the exit code is terraform's."""
    sim.write(service("a"))
    sim.plan("tfplan")
    sim.fail("create", "a", attempts=1)
    script = "import tempfile; tempfile.tempdir = '/proc'; from tfretry.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", script, *QUICK, "apply", "tfplan"]
    done = subprocess.run(command, cwd=sim.folder, capture_output=True, text=True, check=False)
    assert refused(done, "no private directory can be made"), done.stderr


def test_arguments_of_the_environment_do_not_stop_it(sim, apply, monkeypatch):
    """`show` takes hardly any of the options that TF_CLI_ARGS may hold."""
    sim.write(service("a") + service("b"))
    assert sim.terraform("plan", "-out=-odd name").returncode == 0
    monkeypatch.setenv("TF_CLI_ARGS", "-input=false")
    sim.fail("create", "b", attempts=1)
    done = apply("-lock-timeout=3s", "--", "-odd name")
    assert done.returncode == 0, done.stderr

"""Processes around a saved plan: signals at each step, wrappers in the place of terraform, who can read the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile

import pytest
from harness import HERE, STDIO, wait_until
from saved_plans import PULL, SHOW, refused, service, succeeded
from terraform_output import QUICK, ROLE_ERROR, TFRETRY

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

STEPS = {
    "first pull": (PULL, 1, "`terraform state pull` was running"),
    "first show": (SHOW, 1, "`terraform show` was running"),
    "second show": (SHOW, 2, "`terraform show` was running"),
    "second pull": (PULL, 2, "`terraform state pull` was running"),
}


@pytest.fixture
def planned(sim):
    """A plan of two creations, the second of which fails once."""
    sim.write(service("a", 'note = "s3cr3t"') + service("b"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    return sim


@pytest.fixture
def start(planned, sandbox):
    """Start an apply of the plan."""

    def run(*own, **options):
        return sandbox.run([*TFRETRY, *own, "apply", "tfplan"], cwd=planned.folder, **options)

    return run


@pytest.fixture
def start_until(start, wrap, tmp_path):
    """Start an apply of the plan, and return when terraform runs at one of the steps; it does not end by itself."""

    def run(step, **options):
        call, count, _ = STEPS[step]
        wrap.at(call, f"trap 'exit 1' TERM INT; touch '{tmp_path}/mark'; while :; do sleep 0.05; done", number=count)
        program = start(*QUICK, **options)
        program.read_while(lambda: not (tmp_path / "mark").exists(), what="the step has begun", deadline_s=60)
        return program

    return run


def was_interrupted(program, number, meanwhile):
    """Check that it has exited with 128+N and has reported the signal."""
    assert program.wait(60) == 128 + number, program.output
    output = program.output[2] or program.output[1]
    assert f"interrupted by {signal.Signals(number).name} between two attempts; {meanwhile}".encode() in output
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
@pytest.mark.parametrize("step", STEPS)
def test_a_signal_while_the_rest_is_proved_ends_us(planned, start_until, step, number):
    """With 128+N when that terraform has ended; nothing is applied, and nothing is left."""
    program = start_until(step)
    os.kill(program.pid, number)
    assert was_interrupted(program, number, STEPS[step][2])
    assert [call.name for call in planned.calls("create")] == ["a"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=str)
def test_nothing_is_left_behind_by_a_signal_in_the_wait(start, number):
    """No file and no process; the exit code is that of the signal."""
    program = start("--first-wait=60s", "--longest-wait=60s")
    program.read_until(b"retrying in", fd=2)
    os.kill(program.pid, number)
    if number == signal.SIGKILL:
        assert program.wait() == -signal.SIGKILL
    else:
        assert was_interrupted(program, number, "nothing was running")


@pytest.mark.parametrize("step", ["first show", "second pull"])
def test_nothing_is_left_behind_by_a_kill_while_the_rest_is_proved(start_until, step):
    """The guardian ends that terraform; the nameless files disappear with us."""
    program = start_until(step)
    os.kill(program.pid, signal.SIGKILL)
    assert program.wait() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=str)
def test_a_signal_in_the_apply_of_the_rest_is_terraforms(planned, start, monkeypatch, number):
    """It completes its changes and saves them, also if we are killed and the file of the rest disappears with us."""
    monkeypatch.setenv("SIM_CREATE_MS", "1500")
    program = start("--first-wait=1ms", "--longest-wait=1ms")
    program.read_until(b"sim_service.b: Creating...", count=2)
    os.kill(program.pid, number)
    code = program.wait(60)
    wait_until(lambda: len(planned.calls("create")) == 2, what="the object is made")
    state = planned.folder / "terraform.tfstate"
    wait_until(lambda: state.read_text().count('"arn"') == 2, what="the object is saved")
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
        return
    assert program.output[1].count(b"Interrupt received.") == 1
    assert code in (0, 1)  # terraform's own: it had nothing more to do, or was interrupted


def test_ctrl_c_on_a_terminal(planned, start_until):
    """The whole foreground group receives it, the terraform that pulls the state too."""
    program = start_until("first pull", terminal=STDIO)
    program.type(b"\x03")
    assert was_interrupted(program, signal.SIGINT, "`terraform state pull` was running")
    assert [call.name for call in planned.calls("create")] == ["a"]


def test_a_terminal_in_colour(planned, start):
    """Coloured output is read too, and the output of the other calls of terraform is not shown."""
    program = start(*QUICK, terminal=STDIO)
    assert program.wait(60) == 0, program.output
    assert b"\x1b[1msim_service.b: Creation complete after" in program.output[1]
    assert b"s3cr3t" not in program.output[1]
    assert b"format_version" not in program.output[1]
    assert [call.name for call in planned.calls("create")] == ["a", "b"]


def test_a_signal_that_ends_that_terraform_at_once_is_not_lost(fake_terraform, tmp_path):
    """The signal and the end of terraform may be noticed together; it is a race, so it is run often."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    fake_terraform(f"[ $1 != apply ] || {{ cat '{tmp_path}/error' >&2; exit 1; }}; kill -INT $PPID; exit 1")
    with zipfile.ZipFile(tmp_path / "tfplan", "w"):
        pass  # it is not read before the state
    command = [*TFRETRY, *QUICK, "apply", str(tmp_path / "tfplan")]
    done = [subprocess.run(command, capture_output=True, timeout=60, check=False) for _ in range(30)]
    assert {each.returncode for each in done} == {128 + signal.SIGINT}


OPEN_ALL = """\
import os
seen = []
for name in os.listdir("/proc/self/fd"):
    try:
        fd = os.open("/proc/self/fd/" + name, os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(fd, 0, os.SEEK_SET)
        content = os.read(fd, 1 << 20)
    except OSError:
        content = b""
    seen.append((name, any(word in content for word in (b"s3cr3t", b"lineage", b"PK\\x03\\x04"))))
print(sorted(seen), file=open("{result}", "w"))
"""


def test_a_script_of_the_retry_inherits_neither_plan_nor_state(sim, apply, tmp_path):
    """It opens every descriptor that it has, and finds the state in none."""
    (tmp_path / "open_all.py").write_text(OPEN_ALL.format(result=tmp_path / "seen"))
    script = f'command = "{sys.executable} {tmp_path}/open_all.py"'
    sim.write(service("a", 'note = "s3cr3t"') + service("b", 'provisioner "local-exec" {', script, "}"))
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=1)
    assert succeeded(apply("tfplan"))
    seen = (tmp_path / "seen").read_text()
    assert "('1', False)" in seen
    assert "True" not in seen


IN_PYTHON = 'import subprocess, sys\nsys.exit(subprocess.run(["terraform", *sys.argv[1:]]).returncode)'
WRAPPERS = {
    "python": f"#!{sys.executable}\n{IN_PYTHON}",
    "shell": '#!/bin/sh\nterraform "$@"\nexit $?',
    "two": '#!/bin/sh\n/bin/sh -c \'exec terraform "$@"\' sh "$@"',
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_wrappers_that_run_terraform_work(planned, apply, wrap, kind):
    """Also one that closes the descriptors that it has inherited."""
    wrap.path.write_text(WRAPPERS[kind])
    assert succeeded(apply("tfplan"))
    assert [call.name for call in planned.calls("create")] == ["a", "b"]


def test_without_proc_terraform_inherits_the_file(planned, temporary):
    """Without /proc and files in memory, as on macOS; no file is left there either."""
    command = [sys.executable, str(HERE / "without_linux.py"), *QUICK, "apply", "tfplan"]
    done = subprocess.run(command, cwd=planned.folder, capture_output=True, text=True, timeout=100, check=False)
    assert succeeded(done)
    assert [call.name for call in planned.calls("create")] == ["a", "b"]
    assert list(temporary.iterdir()) == []


def test_a_terraform_that_cannot_read_our_files_is_refused_before_the_wait(planned, apply, wrap):
    """As in a container, which has another /proc: terraform's own heading is quoted."""
    elsewhere = 'for word; do\n shift\n case $word in /proc/*) word=/nowhere$word ;; esac\n set -- "$@" "$word"\ndone'
    wrap.write(f'if [ "$call" = show ]; then\n{elsewhere}\nfi')
    done = apply("tfplan")
    assert refused(done, "`terraform show` failed: Failed to ")
    assert "retrying in" not in done.stderr
    assert [call.name for call in planned.calls("create")] == ["a"]


def test_a_useless_answer_of_terraform_is_refused(planned, apply, wrap):
    """An exit code without a message, and an answer that is no JSON."""
    wrap.write(f'[ "$call" != "{PULL}" ] || exit 3')
    assert refused(apply("tfplan"), "`terraform state pull` failed: exit code 3")
    planned.repair("create", "b")
    wrap.write("")
    planned.plan("tfplan")
    planned.fail("create", "b", attempts=2)
    wrap.write(f'[ "$call" != "{SHOW}" ] || {{ echo Hello; exit 0; }}')
    assert refused(apply("tfplan"), "terraform's answer cannot be read")


# Terraform, made to behave as OpenTofu, which takes variables for `state pull` and `show`.
SAYS_OPENTOFU = 'if [ "$call" = version ]; then echo "OpenTofu v1.12.6"; exit 0; fi\n'
TAKES_VARIABLES = """\
case $call in show|"state pull")
  given=
  for word; do
    shift
    case $word in -var=*) given=1 ;; -var-file=*) ;; *) set -- "$@" "$word" ;; esac
  done
  [ "$given" ] || { echo "Error: No value for required variable" >&2; exit 1; }
esac
"""


def test_variables_are_given_to_an_opentofu_that_needs_them(planned, apply, wrap, version):
    """A variable may configure the backend, or be the key of an encrypted state."""
    version.needs(1, 10)  # an ephemeral variable: before, terraform takes none beside a plan
    planned.write('variable "key" {\n  ephemeral = true\n}\n', "key.tf")
    planned.plan("tfplan", "-var=key=s3cr3t")
    wrap.write(SAYS_OPENTOFU + TAKES_VARIABLES)
    assert succeeded(apply("-var=key=s3cr3t", "tfplan"))


@pytest.mark.parametrize("name", ["terraform.tfvars", "x.auto.tfvars.json"])
def test_a_variable_file_that_has_changed_is_refused_with_opentofu_only(sim, apply, wrap, version, name):
    """It reads variables again that the plan has not recorded; terraform has them in the plan."""
    sim.write('variable "size" {\n  type = number\n  default = 1\n}\n' + service("a") + service("b", "size = var.size"))
    values = {"terraform.tfvars": "size = {}\n", "x.auto.tfvars.json": '{{"size": {}}}'}[name]
    sim.write(values.format(2), name)
    sim.plan("tfplan")
    sim.fail("create", "b", attempts=2)
    move = f"printf '{values.format(3)}' >{name}"
    wrap.write(SAYS_OPENTOFU + f'[ "$call $n" != "{PULL} 1" ] || {move}')
    assert refused(apply("tfplan"), "a variable file has changed since the first attempt: ", name)
    if version.is_opentofu:
        return
    sim.write(values.format(2), name)
    wrap.path.unlink()
    (wrap.folder / "wrapped").unlink()
    wrap.at(PULL, move)
    sim.plan("tfplan", "-var=size=2")
    assert succeeded(apply("tfplan"))
    assert {each["size"] for each in sim.objects()} == {None, 2}


@pytest.mark.usefixtures("planned")
def test_a_concise_opentofu_reports_nothing_and_so_is_refused(apply, wrap, tmp_path):
    """It is unknown which changes are done; the message names the option."""
    quiet = f"""if [ "$call" = apply ]; then
  shift 2
  {{ terraform apply -no-color "$@"; echo $? >'{tmp_path}/code'; }} | grep -v -e ': Creating' -e ': Creation'
  exit "$(cat '{tmp_path}/code')"
fi"""
    wrap.write(quiet)
    words = ("sim_service.a was created, and terraform did not report", "With -concise, terraform does not report")
    assert refused(apply("-concise", "tfplan"), *words)


def test_a_plan_file_that_we_may_not_read_prevents_only_the_retry(planned, wrap, tmp_path):
    """Terraform may run as another user; only the retry is refused."""
    wrap.write(f'[ "$call" != apply ] || {{ shift; set -- apply "{tmp_path}/readable"; }}')
    (planned.folder / "tfplan").rename(tmp_path / "readable")
    done = planned.tfretry(*QUICK, "apply", "tfplan")
    assert done.returncode == 1
    assert "not retried: the argument tfplan is neither a file nor a directory" in done.stderr
    assert [call.name for call in planned.calls("create")] == ["a"]

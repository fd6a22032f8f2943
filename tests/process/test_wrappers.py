"""A `terraform` that is a script or a proxy: its end is not terraform's end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from harness import Sandbox, wait_until
from terraform_output import ROLE_ERROR

EVERYWHERE = (0, 1, 2)
INT, TERM, HUP, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL
# The second resource says something after every wrapper and every tfretry that got a signal at its start has ended.
CONFIGURATION = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "echo started; touch started; sleep 4; echo finished" }
}
resource "terraform_data" "third" { depends_on = [terraform_data.second] }
"""
SCRIPTS = {
    "direct": [],
    "exec": ['exec {} "$@"'],
    "script": ['{} "$@"; exit $?'],
    "proxies": ['{} "$@"; exit $?', '{} "$@"; exit $?'],
}
# It fails with the role error until there is a file named role.
FAILING = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "[ -e role ] || { echo 'Unable to assume the service linked role' >&2; exit 1; }"
  }
}
"""
LIVES_ON = ("script", "proxies")  # the signal ends the wrapper, and nobody tells terraform


@pytest.fixture
def new_stage(tmp_path):
    """Make any number of worlds, so that all wrappers are tried at a time."""
    stages = {}

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        stages[name] = Sandbox(folder)
        return stages[name]

    yield make
    for sandbox in stages.values():
        sandbox.close()


def wrapped(folder, real, bodies):
    """A chain of scripts in *folder* that ends with the command *real*; the path of the first."""
    command = real
    for number, body in enumerate(bodies):
        script = folder / f"wrapper-{number}"
        script.write_text(f"#!/bin/sh\n{body.format(command)}\n")
        script.chmod(0o755)
        command = str(script)
    return command


def to_file(folder):
    """Let stdout and stderr be one file."""

    def redirect():
        fd = os.open(folder / "output", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for target in (1, 2):
            os.dup2(fd, target)
        os.close(fd)

    return redirect


def start(sandbox, terraform, *arguments, own=(), output):
    command = [sys.executable, "-m", "tfretry", "--terraform", terraform, *own, "apply", "-auto-approve", *arguments]
    terminal = EVERYWHERE if output == "terminal" else ()
    before_exec = to_file(sandbox.folder) if output == "file" else None
    return sandbox.run(command, terminal=terminal, before_exec=before_exec, cwd=sandbox.folder)


def to_us(program, signo):
    os.kill(program.pid, signo)


def to_group(program, signo):
    os.killpg(program.pid, signo)


def press_ctrl_c(program, _signo):
    program.type(b"\x03")


def hang_up(program, _signo):
    program.hang_up()


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("output", "send", "signo"),
    [
        ("pipes", to_us, TERM),
        ("pipes", to_us, KILL),
        ("terminal", to_us, HUP),
        *(slow("pipes", to_us, signo) for signo in (INT, HUP)),
        *(slow("file", to_us, signo) for signo in (INT, TERM, HUP, KILL)),
        *(slow("terminal", to_us, signo) for signo in (INT, TERM, KILL)),
        *(slow(output, to_group, TERM) for output in ("pipes", "file", "terminal")),
        slow("terminal", press_ctrl_c, INT),
        slow("terminal", hang_up, HUP),
    ],
)
def test_a_signal_in_the_apply_costs_no_state(new_stage, real_terraform, output, send, signo):
    """What was created is in the state, the lock is gone, and nothing is left; its last words arrive, too."""
    started = {}
    for name, bodies in SCRIPTS.items():
        sandbox = new_stage(name)
        (sandbox.folder / "main.tf").write_text(CONFIGURATION)
        terraform = wrapped(sandbox.folder, real_terraform, bodies)
        started[name] = sandbox, start(sandbox, terraform, output=output)
    for sandbox, program in started.values():
        program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the apply's middle")  # noqa: B023
        send(program, signo)
    for name, (sandbox, program) in started.items():
        program.read_while(lambda: not program.has_ended(), what="our end")  # noqa: B023
        program.read_while(sandbox.processes, what=f"the end of all, {name}")
        state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
        expected = {"first", "second"}
        if name in LIVES_ON and send in (to_us, hang_up):
            expected |= {"third"}
        assert {resource["name"] for resource in state["resources"]} == expected, name
        assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()
        if "third" in expected and signo != KILL and send is to_us:
            said = (sandbox.folder / "output").read_bytes() if output == "file" else program.output[1]
            assert b"Apply complete!" in said, name


def output_of(sandbox, program):
    """All that has been said so far, wherever it went."""
    program.pump(0.01)
    file = sandbox.folder / "output"
    return b"".join(program.output.values()) + (file.read_bytes() if file.exists() else b"")


@pytest.mark.parametrize("output", ["pipes", slow("file"), slow("terminal")])
@pytest.mark.parametrize("signo", [INT, TERM, HUP, KILL], ids=lambda signo: signo.name)
def test_a_signal_in_the_wait_ends_all(new_stage, output, signo):
    """At once; there is nothing that could be lost."""
    started = []
    for name, bodies in SCRIPTS.items():
        sandbox = new_stage(name)
        (sandbox.folder / "error").write_text(ROLE_ERROR)
        real = sandbox.folder / "real"
        real.write_text("#!/bin/sh\ncat error >&2; exit 1\n")
        real.chmod(0o755)
        terraform = wrapped(sandbox.folder, str(real), bodies)
        started.append((sandbox, start(sandbox, terraform, own=["--first-wait", "60s"], output=output)))
    for sandbox, program in started:
        wait_until(lambda: b"retrying in" in output_of(sandbox, program), what="it waits")  # noqa: B023
        to_us(program, signo)
    for sandbox, program in started:
        assert program.wait() == (-signo if signo == KILL else 128 + signo)
        assert sandbox.nothing_is_left()


@pytest.mark.parametrize("output", ["pipes", slow("file"), slow("terminal")])
@pytest.mark.parametrize("signo", [TERM, KILL, slow(INT), slow(HUP)], ids=lambda signo: signo.name)
def test_a_signal_while_the_rest_of_a_plan_is_proved_ends_all(new_stage, real_terraform, output, signo):
    """Nothing more is applied, nothing is locked, and what the failed apply has made is in the state."""
    started = []
    for name, bodies in SCRIPTS.items():
        sandbox = new_stage(name)
        (sandbox.folder / "main.tf").write_text(FAILING)
        subprocess.run(
            [real_terraform, "plan", "-out=tfplan"], cwd=sandbox.folder, stdout=subprocess.DEVNULL, check=True
        )
        real = sandbox.folder / "real"
        slowed = '[ "$1" = apply ] || { touch proving; sleep 2; }'
        real.write_text(f'#!/bin/sh\n{slowed}\nexec {real_terraform} "$@"\n')
        real.chmod(0o755)
        terraform = wrapped(sandbox.folder, str(real), bodies)
        started.append((sandbox, start(sandbox, terraform, "tfplan", own=["--first-wait", "10ms"], output=output)))
    for sandbox, program in started:
        program.read_while(lambda: not (sandbox.folder / "proving").exists(), what="the proof")  # noqa: B023
        (sandbox.folder / "role").touch()
        to_us(program, signo)
    for sandbox, program in started:
        assert program.wait() == (-signo if signo == KILL else 128 + signo)
        assert sandbox.nothing_is_left()
        state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
        made = {resource["name"]: resource["instances"][0].get("status") for resource in state["resources"]}
        assert made == {"first": None, "second": "tainted"}
        assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()

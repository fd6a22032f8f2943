"""A `terraform` that is a script or a proxy: the real terraform may outlive it."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from aws_errors import SENTENCE
from harness import STDIO, hang_up, press_ctrl_c, three_resources, to_group, to_us, wait_until
from terraform_output import ROLE_ERROR, TFRETRY

# Coverage makes our start slower than the signals of these tests allow for.
pytestmark = pytest.mark.usefixtures("no_coverage")

INT, TERM, HUP, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL
# The second resource prints something after all wrappers and tfretrys that received a signal at its start have ended.
CONFIGURATION = three_resources("echo started; touch started; sleep 4; echo finished")
CHAINS = {
    "direct": [],
    "exec": ['exec {} "$@"'],
    "script": ['{} "$@"; exit $?'],
    "proxies": ['{} "$@"; exit $?', '{} "$@"; exit $?'],
}
# It fails with the error of the role until there is a file named role.
FAILING = f"""
resource "terraform_data" "first" {{}}
resource "terraform_data" "second" {{
  depends_on = [terraform_data.first]
  provisioner "local-exec" {{
    command = "[ -e role ] || {{ echo '{SENTENCE}' >&2; exit 1; }}"
  }}
}}
"""
OUTLIVED = ("script", "proxies")  # the signal ends the wrapper, and terraform does not receive it


def wrapped(folder, real, bodies):
    """Write a chain of scripts that ends with the command *real* to *folder*; return the path of the first."""
    command = real
    for number, body in enumerate(bodies):
        script = folder / f"wrapper-{number}"
        script.write_text(f"#!/bin/sh\n{body.format(command)}\n")
        script.chmod(0o755)
        command = str(script)
    return command


def to_file(folder):
    """Return a function that redirects stdout and stderr to one file."""

    def redirect():
        fd = os.open(folder / "output", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for target in (1, 2):
            os.dup2(fd, target)
        os.close(fd)

    return redirect


def start(sandbox, terraform, *arguments, options=(), output):
    argv = [*TFRETRY, "--terraform", terraform, *options, "apply", "-auto-approve", *arguments]
    terminal = STDIO if output == "terminal" else ()
    before_exec = to_file(sandbox.folder) if output == "file" else None
    return sandbox.run(argv, terminal=terminal, before_exec=before_exec, cwd=sandbox.folder)


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
def test_a_signal_during_the_apply_costs_no_state(new_sandbox, real_terraform, output, send, signo):
    """All created resources are in the state, the lock is removed, no process is left, and all output arrives."""
    started = {}
    for name, bodies in CHAINS.items():
        sandbox = new_sandbox()
        (sandbox.folder / "main.tf").write_text(CONFIGURATION)
        terraform = wrapped(sandbox.folder, real_terraform, bodies)
        started[name] = sandbox, start(sandbox, terraform, output=output)
    for sandbox, program in started.values():
        program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the second resource")  # noqa: B023
        send(program, signo)
    for name, (sandbox, program) in started.items():
        program.read_while(lambda: not program.has_ended(), what="our exit")  # noqa: B023
        program.read_while(sandbox.processes, what=f"the end of all processes, {name}")
        program.read_while(program.pump, what="the end of the output")
        expected = {"first", "second"}
        if name in OUTLIVED and send in (to_us, hang_up):
            expected |= {"third"}
        assert sandbox.resources() == expected, name
        if "third" in expected and signo != KILL and send is to_us:
            printed = (sandbox.folder / "output").read_bytes() if output == "file" else program.output[1]
            assert b"Apply complete!" in printed, name


def output_of(sandbox, program):
    """Return all output so far, wherever it was written to."""
    program.pump(0.01)
    file = sandbox.folder / "output"
    return b"".join(program.output.values()) + (file.read_bytes() if file.exists() else b"")


@pytest.mark.parametrize("output", ["pipes", slow("file"), slow("terminal")])
@pytest.mark.parametrize("signo", [INT, TERM, HUP, KILL], ids=lambda signo: signo.name)
def test_a_signal_during_the_wait_ends_us(new_sandbox, output, signo):
    """No terraform runs then."""
    started = []
    for bodies in CHAINS.values():
        sandbox = new_sandbox()
        (sandbox.folder / "error").write_text(ROLE_ERROR)
        real = sandbox.folder / "real"
        real.write_text("#!/bin/sh\ncat error >&2; exit 1\n")
        real.chmod(0o755)
        terraform = wrapped(sandbox.folder, str(real), bodies)
        started.append((sandbox, start(sandbox, terraform, options=["--first-wait", "60s"], output=output)))
    for sandbox, program in started:
        wait_until(lambda: b"retrying in" in output_of(sandbox, program), what="it waits")  # noqa: B023
        to_us(program, signo)
    for sandbox, program in started:
        assert program.wait() == (-signo if signo == KILL else 128 + signo)
        assert sandbox.nothing_is_left()


@pytest.mark.parametrize("output", ["pipes", slow("file"), slow("terminal")])
@pytest.mark.parametrize("signo", [TERM, KILL, slow(INT), slow(HUP)], ids=lambda signo: signo.name)
def test_a_signal_while_the_rest_of_a_plan_is_proved_ends_us(new_sandbox, real_terraform, output, signo):
    """Nothing more is applied, the lock is removed, and what the failed apply created is in the state."""
    started = []
    for bodies in CHAINS.values():
        sandbox = new_sandbox()
        (sandbox.folder / "main.tf").write_text(FAILING)
        subprocess.run(
            [real_terraform, "plan", "-out=tfplan"], cwd=sandbox.folder, stdout=subprocess.DEVNULL, check=True
        )
        real = sandbox.folder / "real"
        slowed = '[ "$1" = apply ] || { touch proving; sleep 2; }'
        real.write_text(f'#!/bin/sh\n{slowed}\nexec {real_terraform} "$@"\n')
        real.chmod(0o755)
        terraform = wrapped(sandbox.folder, str(real), bodies)
        started.append((sandbox, start(sandbox, terraform, "tfplan", options=["--first-wait", "10ms"], output=output)))
    for sandbox, program in started:
        program.read_while(lambda: not (sandbox.folder / "proving").exists(), what="the proof")  # noqa: B023
        (sandbox.folder / "role").touch()
        to_us(program, signo)
    for sandbox, program in started:
        assert program.wait() == (-signo if signo == KILL else 128 + signo)
        assert sandbox.nothing_is_left()
        state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
        created = {resource["name"]: resource["instances"][0].get("status") for resource in state["resources"]}
        assert created == {"first": None, "second": "tainted"}
        assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()

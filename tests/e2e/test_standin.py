"""tfretry in the place of terraform: how other tools call it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from aws_errors import SENTENCE
from harness import STDIO, Program, wait_until
from terraform_output import ROLE_ERROR, TFRETRY, run

from tfretry.terraform.embedded import find_embedded


@pytest.fixture
def installed(tmp_path):
    """Function that puts a link with a given name to the installed tfretry into a folder, and returns the folder."""

    def link(name):
        folder = tmp_path / "links"
        folder.mkdir(exist_ok=True)
        script = Path(sysconfig.get_path("scripts")) / "tfretry"
        assert script.exists(), "tfretry is not installed: pip install ."
        (folder / name).symlink_to(script)
        return folder

    return link


@pytest.mark.usefixtures("real_terraform")
def test_terragrunt_reads_terraforms_version():
    """It parses the first line of `-version`, from stdout and stderr together."""
    done = subprocess.run(
        [*TFRETRY, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    assert re.match(r"(Terraform|OpenTofu) v?\d+\.\d+\.\d+", done.stdout.splitlines()[0])


@pytest.mark.usefixtures("real_terraform")
def test_terraform_exec_reads_the_version_as_json():
    """Stdout is one JSON document."""
    assert "terraform_version" in json.loads(run("version", "-json").stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_terraform_exec_interrupts_us_alone(fake_python_terraform, tmp_path, number):
    """It starts us in a process group of our own and signals our pid: terraform gets the signal once."""
    fake_python_terraform(
        f"""
import pathlib, signal, sys, time
received = []
def note(number, frame):
    received.append(number)
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGTERM, note)
pathlib.Path({str(tmp_path / "running")!r}).touch()
while not received:
    time.sleep(0.01)
time.sleep(1.5)
print("received", len(received), flush=True)
sys.exit(1)"""
    )
    with subprocess.Popen([*TFRETRY, "apply"], process_group=0, stdout=subprocess.PIPE, text=True) as started:
        try:
            wait_until((tmp_path / "running").exists, what="terraform runs")
            os.kill(started.pid, number)
            stdout, _ = started.communicate(timeout=30)
        finally:
            started.kill()
    assert (started.returncode, stdout) == (1, "received 1\n")


@contextlib.contextmanager
def approved_apply(folder, command):
    """Apply a resource that runs *command*, on a terminal, and answer the first prompt with yes."""
    provisioner = f'provisioner "local-exec" {{\n    command = "{command}"\n  }}'
    (folder / "main.tf").write_text(f'resource "terraform_data" "s" {{\n  {provisioner}\n}}\n')
    command = [*TFRETRY, "--first-wait=100ms", "apply"]
    with contextlib.closing(Program(command, terminal=STDIO, cwd=folder)) as program:
        program.read_until(b"Enter a value:")
        program.type(b"yes\n")
        yield program


@pytest.mark.usefixtures("real_terraform")
def test_cdktf_types_its_approval_on_a_terminal(tmp_path):
    """The prompt appears for the first apply and for the retry."""
    with approved_apply(tmp_path, f"[ -e role ] || {{ echo '{SENTENCE}' >&2; exit 254; }}") as program:
        program.read_until(b"local-exec provisioner error")
        (tmp_path / "role").touch()
        program.read_until(b"Enter a value:", count=2)
        program.type(b"yes\n")
        assert program.wait() == 0
    assert b"Apply complete!" in program.output[1]


@pytest.mark.usefixtures("real_terraform")
def test_a_no_to_the_retry_ends_the_run(tmp_path):
    """There is no third prompt."""
    with approved_apply(tmp_path, f"echo '{SENTENCE}' >&2; exit 254") as program:
        program.read_until(b"Enter a value:", count=2)
        program.type(b"no\n")
        assert program.wait() == 1
    assert program.output[1].count(b"Enter a value:") == 2


@pytest.mark.usefixtures("short_waits")
def test_the_terraform_may_be_the_wrapper_of_setup_terraform(fake_terraform, tmp_path):
    """It echoes the command, and prints terraform's output when terraform has ended."""
    real = tmp_path / "terraform-bin"
    tried = tmp_path / "tried"
    real.write_text(
        f"#!/bin/sh\n[ -e {tried} ] && echo done && exit\ntouch {tried}\ncat {tmp_path}/error >&2\nexit 1\n"
    )
    real.chmod(0o755)
    (tmp_path / "error").write_text(ROLE_ERROR)
    fake_terraform(
        f'echo "[command]{real} $*"\n{real} "$@" 2>{tmp_path}/stderr\ncode=$?\ncat {tmp_path}/stderr >&2\nexit $code'
    )
    done = run("apply", "-auto-approve")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        f"[command]{real} apply -auto-approve",
        f"[command]{real} apply -auto-approve",
        "done",
    ]


def call(*argv, folders):
    """Run *argv* with *folders* first on PATH."""
    environ = {**os.environ, "PATH": ":".join([*map(str, folders), "/usr/bin:/bin"])}
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=30)


def test_installed_as_terraform_it_finds_the_real_one(installed, fake_terraform):
    """A link named `terraform` that comes first on PATH is passed over."""
    real = fake_terraform('echo "real $*"')
    folder = installed("terraform")
    for command in ("plan", "apply"):
        done = call("terraform", command, folders=[folder, real.parent])
        assert (done.returncode, done.stdout) == (0, f"real {command}\n")


def test_a_link_named_tofu_runs_tofu_or_nothing(installed, fake_terraform):
    """Terraform must not work on OpenTofu's state."""
    terraform = fake_terraform('echo "terraform $*"')
    folder = installed("tofu")
    for command in ("plan", "apply"):
        done = call("tofu", command, folders=[folder, terraform.parent])
        assert (done.returncode, done.stdout) == (127, "")
        assert done.stderr.startswith(f"tfretry: {folder}/tofu is tfretry itself and there is no other tofu on PATH")
    tofu = terraform.with_name("tofu")
    tofu.write_text('#!/bin/sh\necho "tofu $*"\n')
    tofu.chmod(0o755)
    for command in ("plan", "apply"):
        done = call("tofu", command, folders=[folder, terraform.parent])
        assert (done.returncode, done.stdout) == (0, f"tofu {command}\n")


def test_atlantis_runs_the_terraform_that_the_project_names(fake_terraform, tmp_path):
    """The `run` step of the README: the name of the binary consists of the distribution and the version."""
    folder = fake_terraform("echo wrong").parent
    for name in ("terraform1.5.7", "tofu1.12.6"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (folder / name).chmod(0o755)
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    step = re.search(r"`tfretry (--terraform \"\$ATLANTIS.*?)`", readme)[1]
    for distribution, version in (("terraform", "1.5.7"), ("tofu", "1.12.6")):
        environ = {
            **os.environ,
            "ATLANTIS_TERRAFORM_DISTRIBUTION": distribution,
            "ATLANTIS_TERRAFORM_VERSION": version,
            "PLANFILE": str(tmp_path / "a plan"),
        }
        command = ["sh", "-c", f"{shlex.join(TFRETRY)} {step}"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)
        assert done.stdout == f"{distribution}{version} apply -input=false -no-color {tmp_path}/a plan\n"


def test_a_shim_behind_a_link_of_ours_is_found_by_its_name(installed, fake_terraform):
    """tenv, tfenv, asdf: their `terraform` chooses a version; `--terraform terraform` does not mean our own link."""
    shim = fake_terraform('echo "shim $*"')
    folder = installed("terraform")
    for command in ("plan", "apply"):
        done = call("terraform", "--terraform", "terraform", command, folders=[folder, shim.parent])
        assert (done.returncode, done.stdout) == (0, f"shim {command}\n")


def test_it_does_not_start_itself(installed):
    """If there is no other terraform, it says so; the embedded one is another."""
    folder = installed("terraform")
    calls = {125: ["terraform", "--terraform", f"{folder}/terraform", "apply"]}
    if not find_embedded(os.environ):
        calls[127] = ["terraform", "plan"]
    for code, argv in calls.items():
        done = call(*argv, folders=[folder])
        assert done.returncode == code
        assert "is tfretry itself" in done.stderr


def test_a_terraform_that_is_a_script_around_tfretry_is_passed_over(fake_terraform, tmp_path):
    """Otherwise the script would call itself for ever."""
    real = fake_terraform('echo "real $*"')
    folder = tmp_path / "alias"
    folder.mkdir()
    (folder / "terraform").write_text(f'#!/bin/sh\nexec {folder}/tfretry "$@"\n')
    (folder / "tfretry").write_text(f'#!/bin/sh\nexec {sys.executable} -m tfretry "$@"\n')
    for name in ("terraform", "tfretry"):
        (folder / name).chmod(0o755)
    done = call("terraform", "plan", folders=[folder, real.parent])
    assert (done.returncode, done.stdout) == (0, "real plan\n")

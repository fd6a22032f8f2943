"""A `terraform` that starts tfretry again. Each script counts its starts and fails at the hundredth."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
from terraform_output import DENIED_ERROR, ROLE_ERROR, TFRETRY

pytestmark = pytest.mark.usefixtures("short_waits")

LIMIT = 100
PATH = "/usr/bin:/bin"
ON_TFRETRY = shlex.join(TFRETRY)
SHIM = f"import os, sys; os.execvp({TFRETRY[0]!r}, {TFRETRY!r} + sys.argv[1:])"
WRAPPERS = {
    "exec": f'exec {ON_TFRETRY} "$@"',
    "child": f'{ON_TFRETRY} "$@"; exit $?',
    "nice": f'exec nice {ON_TFRETRY} "$@"',
    "timeout": f'timeout 1m {ON_TFRETRY} "$@"',
    "aws-vault": f'exec env AWS_VAULT=prod sh -c \'exec "$@"\' -- {ON_TFRETRY} "$@"',
    "options": f'exec {ON_TFRETRY} --quiet --timeout 5m "$@"',
    "python": f'exec {shlex.join([sys.executable, "-c", SHIM])} "$@"',
}
ADDS_ARGUMENT = f'exec {ON_TFRETRY} "$@" -no-color'


@pytest.fixture
def place(tmp_path):
    """Function that writes a script named `terraform`, and returns a function that counts its starts."""

    def place(folder, script):
        path = tmp_path / folder / "terraform"
        path.parent.mkdir(exist_ok=True)
        starts = tmp_path / f"{folder}.starts"
        bound = f"echo >>{starts}; [ $(grep -c '' {starts}) -lt {LIMIT} ] || exit 99"
        path.write_text(f"#!/bin/sh\n{bound}\n{script}\n")
        path.chmod(0o755)
        return lambda: starts.read_text().count("\n") if starts.exists() else 0

    return place


def run(tmp_path, folders, *arguments, **variables):
    path = ":".join([*(str(tmp_path / folder) for folder in folders), PATH])
    return subprocess.run(
        [*TFRETRY, *arguments],
        env={**os.environ, "PATH": path, **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("apply", "-auto-approve"), ("version",)], ids=["apply", "version"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_that_starts_tfretry_is_started_once_and_then_the_real_terraform(tmp_path, place, wrapper, arguments):
    """Whatever is between the wrapper and tfretry."""
    starts = place("wrapper", WRAPPERS[wrapper])
    place("real", 'echo "real $*"; exit 7')
    done = run(tmp_path, ["wrapper", "real"], *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (7, f"real {' '.join(arguments)}\n", "")
    assert starts() == 1


@pytest.mark.parametrize("arguments", [("apply",), ("version",)], ids=["apply", "version"])
@pytest.mark.parametrize("wrapper", ["exec", "child"])
def test_without_a_real_terraform_the_wrapper_is_an_error(tmp_path, place, wrapper, arguments):
    """It is started once, and the exit code is 125."""
    starts = place("wrapper", WRAPPERS[wrapper])
    # The name is given: without it, an embedded terraform would be used.
    done = run(tmp_path, ["wrapper"], *arguments, TFRETRY_TERRAFORM="terraform")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.count("leads back to tfretry and there is no other terraform on PATH") == 1
    assert starts() == 1


def test_a_wrapper_that_the_user_names_is_an_error_even_beside_a_real_terraform(tmp_path, place):
    """The inner tfretry gets the variable that names it, too."""
    starts = place("wrapper", WRAPPERS["nice"])
    place("real", "echo real")
    done = run(tmp_path, ["real"], "plan", TFRETRY_TERRAFORM=str(tmp_path / "wrapper" / "terraform"))
    assert (done.returncode, done.stdout) == (125, "")
    assert "leads back to tfretry; --terraform takes the path of the real terraform" in done.stderr
    assert starts() == 1


def test_several_wrappers_are_started_once_each(tmp_path, place):
    """They differ only in their paths."""
    starts = [place(folder, WRAPPERS["nice"]) for folder in ("one", "two", "three")]
    place("real", 'echo "real $*"')
    assert run(tmp_path, ["one", "two", "three", "real"], "plan").stdout == "real plan\n"
    assert [count() for count in starts] == [1, 1, 1]


@pytest.mark.parametrize("wrapper", ["exec", "child"])
def test_a_shim_of_a_version_manager_is_started_once(tmp_path, place, wrapper):
    """The shim runs the terraform of a version, which is tfretry."""
    starts = place("shims", f'{"exec" if wrapper == "exec" else ""} {tmp_path}/versions/terraform "$@"')
    place("versions", f'exec {ON_TFRETRY} "$@"')
    place("real", 'echo "real $*"')
    assert run(tmp_path, ["shims", "real"], "plan").stdout == "real plan\n"
    assert starts() == 1


@pytest.mark.parametrize("wrapper", ["exec", "nice", "child"])
def test_inside_a_tfretry_that_retries_nothing_is_retried(tmp_path, place, wrapper):
    """Otherwise the applies would multiply; the arguments of a retry differ from those of the first attempt."""
    starts = place("wrapper", WRAPPERS[wrapper])
    (tmp_path / "error").write_text(ROLE_ERROR)
    real = place("real", f"cat {tmp_path}/error >&2; exit 1")
    done = run(tmp_path, ["wrapper", "real"], "--max-attempts", "3", "apply")
    assert done.returncode == 1
    assert done.stderr.count("tfretry: gave up after 3 attempts") == 1
    assert done.stderr.count("retrying in") == 2
    assert (starts(), real()) == (3, 3)


def test_a_wrapper_that_goes_to_the_folder_itself_multiplies_nothing(tmp_path, place):
    """`-chdir=DIR`, and `cd DIR` without it, are one call."""
    (tmp_path / "infra").mkdir()
    starts = place("wrapper", f'shift; cd {tmp_path}/infra && exec {ON_TFRETRY} "$@"')
    (tmp_path / "error").write_text(ROLE_ERROR)
    real = place("real", f"cat {tmp_path}/error >&2; exit 1")
    done = run(tmp_path, ["wrapper", "real"], "--max-attempts", "3", "-chdir=infra", "apply")
    assert done.stderr.count("tfretry: gave up after 3 attempts") == 1
    assert (done.returncode, starts(), real()) == (1, 3, 3)


def test_a_wrapper_that_adds_an_argument_multiplies_nothing(tmp_path, place):
    """No two calls are the same, so it continues to a depth of ten; only the outermost tfretry retries."""
    starts = place("wrapper", ADDS_ARGUMENT)
    (tmp_path / "error").write_text(ROLE_ERROR)
    real = place("real", f"cat {tmp_path}/error >&2; exit 1")
    done = run(tmp_path, ["wrapper", "real"], "--max-attempts", "2", "apply")
    assert done.stderr.count("tfretry: gave up after 2 attempts") == 1
    assert (done.returncode, starts(), real()) == (1, 20, 2)


def test_a_wrapper_that_adds_an_argument_without_a_real_terraform_is_an_error(tmp_path, place):
    """It ends at a depth of ten."""
    starts = place("wrapper", ADDS_ARGUMENT)
    done = run(tmp_path, ["wrapper"], "plan", TFRETRY_TERRAFORM="terraform")
    assert (done.returncode, starts()) == (125, 10)
    assert "leads back to tfretry" in done.stderr


@pytest.mark.parametrize(
    ("inner", "folder"),
    [("apply -target=x", "."), ("apply -auto-approve", "module"), ("-chdir=module apply -auto-approve", ".")],
)
def test_a_nested_apply_of_something_else_is_not_disturbed(tmp_path, place, inner, folder):
    """A provisioner starts it: it finds the same terraform, and it retries."""
    (tmp_path / "module").mkdir()
    (tmp_path / "role").write_text(ROLE_ERROR)
    (tmp_path / "denied").write_text(DENIED_ERROR)
    nested = f"cd {folder} && NESTED=1 {ON_TFRETRY} --max-attempts 2 {inner}"
    starts = place(
        "real", f"[ $NESTED ] && cat {tmp_path}/role >&2 && exit 1\n({nested})\ncat {tmp_path}/denied >&2; exit 1"
    )
    done = run(tmp_path, ["real"], "apply", "-auto-approve")
    assert done.returncode == 1
    assert done.stderr.count("tfretry: gave up after 2 attempts") == 1
    assert starts() == 3

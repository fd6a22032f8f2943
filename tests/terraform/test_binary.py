from __future__ import annotations

import os
import sys

import pytest

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError, TfretryError
from tfretry.terraform.binary import find_terraform, replace_process
from tfretry.terraform.ourselves import is_ourselves


@pytest.fixture
def binary(tmp_path):
    def write(path, content="#!/bin/sh\nexit 0\n", mode=0o755):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        file.chmod(mode)
        return str(file)

    return write


def path_of(*folders):
    return {"PATH": os.pathsep.join(map(str, folders))}


def test_terraform_is_found_before_tofu(binary, tmp_path):
    """`terraform`, else `tofu`, on PATH."""
    tofu = binary("one/tofu")
    assert find_terraform(None, path_of(tmp_path / "one", tmp_path / "two")) == tofu
    terraform = binary("two/terraform")
    assert find_terraform(None, path_of(tmp_path / "one", tmp_path / "two")) == terraform


def test_an_empty_entry_of_path_is_the_current_folder(binary, tmp_path, monkeypatch):
    """As a shell has it."""
    binary("one/terraform")
    monkeypatch.chdir(tmp_path / "one")
    assert find_terraform(None, {"PATH": ""}) == "./terraform"


def test_a_missing_terraform_is_127(tmp_path):
    """The sentence says what to do."""
    with pytest.raises(TerraformNotFoundError, match="--terraform PATH") as caught:
        find_terraform(None, path_of(tmp_path))
    assert caught.value.exit_code == 127


def test_a_terraform_that_is_not_executable_is_126(binary, tmp_path):
    """Found, but not executable: 126 as in a shell."""
    path = binary("one/terraform", mode=0o644)
    for wanted, environ in ((None, path_of(tmp_path / "one")), (path, {}), (str(tmp_path), {})):
        with pytest.raises(TerraformNotExecutableError, match="execut") as caught:
            find_terraform(wanted, environ)
        assert caught.value.exit_code == 126


def test_a_wanted_terraform_is_found_by_path_and_by_name(binary, tmp_path):
    """As a shell finds a command."""
    path = binary("one/terraform-1.5")
    assert find_terraform(path, {}) == path
    assert find_terraform("terraform-1.5", path_of(tmp_path / "one")) == path
    with pytest.raises(TerraformNotFoundError, match="nowhere"):
        find_terraform("nowhere", path_of(tmp_path / "one"))
    with pytest.raises(TerraformNotFoundError, match="none"):
        find_terraform(str(tmp_path / "none"), {})


OURSELVES = [
    f"#!{sys.executable}\nimport sys\nfrom tfretry.__main__ import main\nsys.exit(main())\n",
    '#!/bin/sh\nexec tfretry "$@"\n',
    '#!/bin/bash\nexec tfretry "${@}"\n',
    '#!/bin/sh\nif true; then exec env A=1 tfretry "$@"; fi\n',
    '#!/bin/sh\nT=tfretry; exec $T "$@"\n',
    '#!/usr/bin/python3\nimport os, sys\nos.execvp("tfretry", ["tfretry", *sys.argv[1:]])\n',
    '#!/bin/bash\nTFRETRY_QUIET=1 "/opt/venv/bin/tfretry" --timeout 5m "$@"\n',
]
OTHERS = [
    '#!/bin/sh\n# wraps what tfretry "$@" wraps\nexec /opt/terraform "$@"\n',
    '#!/bin/sh\necho "$@" >>/tmp/tfretry-test/log\n',
    "#!/bin/sh\necho tfretry\n",
    '#!/bin/sh\nlogger "not tfretry $@"\nexec /opt/terraform "$@"\n',
]


@pytest.mark.parametrize("content", OURSELVES)
def test_we_are_never_our_own_terraform(binary, tmp_path, content):
    """A link to us or a script that only calls us is passed over on PATH, and refused where it is asked for."""
    path = binary("one/terraform", content)
    with pytest.raises(TerraformNotFoundError, match="tfretry itself"):
        find_terraform(None, path_of(tmp_path / "one"))
    with pytest.raises(TfretryError, match="tfretry itself") as caught:
        find_terraform(path, {})
    assert caught.value.exit_code == 125
    real = binary("two/terraform")
    assert find_terraform(None, path_of(tmp_path / "one", tmp_path / "two")) == real


@pytest.mark.parametrize("content", OTHERS)
def test_a_script_that_only_mentions_us_is_terraform(binary, content):
    """A comment or a path that holds our name does not make it us."""
    assert not is_ourselves(binary("one/terraform", content))


def test_what_the_kernel_refuses_is_126(binary):
    """A file that is executable and no program."""
    path = binary("one/terraform", "\0not a program")
    with pytest.raises(TerraformNotExecutableError, match="cannot be executed"):
        replace_process(path, [])


def test_a_name_is_looked_for_on_path_alone(binary, tmp_path, monkeypatch):
    """As a shell does: a file of that name in the current folder is not meant."""
    binary("one/tofu2")
    monkeypatch.chdir(tmp_path / "one")
    with pytest.raises(TerraformNotFoundError):
        find_terraform("tofu2", path_of(tmp_path / "two"))

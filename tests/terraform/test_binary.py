from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError, TfretryError
from tfretry.terraform.binary import find_terraform, replace_process

pytestmark = pytest.mark.usefixtures("nothing_embedded")


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
    """Even if tofu comes first on PATH."""
    tofu = binary("one/tofu")
    assert find_terraform(None, path_of(tmp_path / "one", tmp_path / "two")) == tofu
    terraform = binary("two/terraform")
    assert find_terraform(None, path_of(tmp_path / "one", tmp_path / "two")) == terraform


@pytest.mark.parametrize(
    ("called", "present", "found"),
    [
        ("tofu", ["terraform", "tofu"], "tofu"),
        ("/links/tofu", ["terraform"], None),
        ("/links/terraform", ["tofu"], None),
        ("terraform", ["terraform", "tofu"], "terraform"),
        ("tfretry", ["tofu"], "tofu"),
        ("terraform-1.5", ["tofu"], "tofu"),
        ("", ["terraform", "tofu"], "terraform"),
    ],
)
def test_called_terraform_or_tofu_we_look_for_that_one_only(binary, tmp_path, called, present, found):
    """Terraform must not run on OpenTofu's state, nor the other way round; --terraform overrides the name."""
    paths = {name: binary(f"one/{name}") for name in present}
    environ = path_of(tmp_path / "one")
    if found is None:
        with pytest.raises(TerraformNotFoundError, match=f"cannot find {Path(called).name} on PATH"):
            find_terraform(None, environ, called=called)
    else:
        assert find_terraform(None, environ, called=called) == paths[found]
    assert find_terraform(present[0], environ, called=called) == paths[present[0]]
    assert find_terraform(paths[present[0]], environ, called=called) == paths[present[0]]


def test_a_search_for_a_given_name_skips_ourselves(binary, tmp_path, monkeypatch):
    """If there is no other, the error says so."""
    monkeypatch.setattr(sys, "argv", [binary("one/terraform-1.5", "us")])
    real = binary("two/terraform-1.5")
    assert find_terraform("terraform-1.5", path_of(tmp_path / "one", tmp_path / "two")) == real
    with pytest.raises(TerraformNotFoundError, match=r"no other terraform-1\.5 on PATH"):
        find_terraform("terraform-1.5", path_of(tmp_path / "one"))


def test_an_empty_entry_of_path_is_the_current_folder(binary, tmp_path, monkeypatch):
    """As in a shell."""
    binary("one/terraform")
    monkeypatch.chdir(tmp_path / "one")
    assert find_terraform(None, {"PATH": ""}) == "./terraform"


def test_a_missing_terraform_is_127(tmp_path):
    """The message names the option."""
    with pytest.raises(TerraformNotFoundError, match="--terraform PATH") as caught:
        find_terraform(None, path_of(tmp_path))
    assert caught.value.exit_code == 127


def test_a_terraform_that_is_not_executable_is_126(binary, tmp_path):
    """As in a shell."""
    path = binary("one/terraform", mode=0o644)
    for wanted, environ in ((None, path_of(tmp_path / "one")), (path, {}), (str(tmp_path), {})):
        with pytest.raises(TerraformNotExecutableError, match="execut") as caught:
            find_terraform(wanted, environ)
        assert caught.value.exit_code == 126


def test_a_given_terraform_is_found_by_path_and_by_name(binary, tmp_path):
    """As a shell finds a command."""
    path = binary("one/terraform-1.5")
    assert find_terraform(path, {}) == path
    assert find_terraform("terraform-1.5", path_of(tmp_path / "one")) == path
    with pytest.raises(TerraformNotFoundError, match="nowhere"):
        find_terraform("nowhere", path_of(tmp_path / "one"))
    with pytest.raises(TerraformNotFoundError, match="none"):
        find_terraform(str(tmp_path / "none"), {})


def test_we_are_never_our_own_terraform(binary, tmp_path, monkeypatch):
    """A link to us or a copy of us is skipped on PATH, and refused if it is given."""
    copy = binary("one/terraform", "us")
    monkeypatch.setattr(sys, "argv", [binary("bin/tfretry", "us")])
    with pytest.raises(TerraformNotFoundError, match="tfretry itself"):
        find_terraform(None, path_of(tmp_path / "one"))
    with pytest.raises(TfretryError, match="tfretry itself") as caught:
        find_terraform(copy, {})
    assert caught.value.exit_code == 125
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "terraform").symlink_to(tmp_path / "bin" / "tfretry")
    real = binary("two/terraform")
    assert find_terraform(None, path_of(tmp_path / "linked", tmp_path / "one", tmp_path / "two")) == real


def test_a_binary_that_has_called_us_is_skipped(binary, tmp_path):
    """Also under another name; if it is given, it is refused."""
    wrapper, real = binary("one/terraform"), binary("two/terraform")
    (tmp_path / "tofu").symlink_to(wrapper)
    both = path_of(tmp_path / "one", tmp_path / "two")
    assert find_terraform(None, both, [wrapper]) == real
    assert find_terraform(None, both, [str(tmp_path / "tofu")]) == real
    for wanted, environ in ((None, path_of(tmp_path / "one")), (wrapper, both)):
        with pytest.raises(TfretryError, match="leads back to tfretry") as caught:
            find_terraform(wanted, environ, [wrapper])
        assert caught.value.exit_code == 125


def test_a_file_that_the_kernel_refuses_is_126(binary):
    """It is executable, but not a program."""
    path = binary("one/terraform", "\0not a program")
    with pytest.raises(TerraformNotExecutableError, match="cannot be executed") as caught:
        replace_process(path, [])
    assert caught.value.exit_code == 126


def test_a_name_is_searched_for_on_path_only(binary, tmp_path, monkeypatch):
    """Not in the current folder; as in a shell."""
    binary("one/tofu2")
    monkeypatch.chdir(tmp_path / "one")
    with pytest.raises(TerraformNotFoundError):
        find_terraform("tofu2", path_of(tmp_path / "two"))

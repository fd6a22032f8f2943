"""Fixtures for saved plans: an apply through tfretry, a terraform that is a script, programs, the version.

A test module that uses them has `pytest_plugins = ["provider_fixture", "saved_plan_fixture"]`.
"""

from __future__ import annotations

import pytest
from harness import Sandbox
from saved_plans import Version, Wrapper
from terraform_output import QUICK


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

    def run(*arguments, options=(), **more):
        done = sim.tfretry(*QUICK, *options, "apply", *arguments, **more)
        assert list(temporary.iterdir()) == []
        return done

    return run


@pytest.fixture
def wrap(tmp_path, monkeypatch):
    """A wrapper in the place of terraform."""
    wrapper = Wrapper(tmp_path)
    monkeypatch.setenv("TFRETRY_TERRAFORM", str(wrapper.path))
    return wrapper


@pytest.fixture
def sandbox(tmp_path, sim, temporary):
    """Programs on pipes and terminals, started in the module's folder; in the end no process and no file is left."""
    assert sim
    world = Sandbox(tmp_path)
    yield world
    try:
        world.nothing_is_left()
        assert list(temporary.iterdir()) == []
    finally:
        world.close()


@pytest.fixture
def version(sim):
    """Which terraform this is."""
    answer = sim.terraform("version").stdout.split()
    found = Version(int(part) for part in answer[1].removeprefix("v").partition("-")[0].split("."))
    found.is_opentofu = answer[0] == "OpenTofu"
    return found

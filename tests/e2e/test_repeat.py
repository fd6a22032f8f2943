"""Retries without a plan file, with a real terraform and the test provider."""

from __future__ import annotations

import pytest
from saved_plans import service
from terraform_output import QUICK

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture"]


def test_a_retry_reads_no_resource_again(sim):
    """The failed attempt has just refreshed and saved the state."""
    sim.applied(service("a"))
    sim.write(service("a") + service("b"))
    sim.fail("create", "b", attempts=2)
    done = sim.tfretry(*QUICK, "apply", "-auto-approve")
    assert done.returncode == 0, done.stderr
    assert sim.calls("read") == [("read", "a")]


@pytest.mark.parametrize("view", [(), ("-no-color",), ("-json",)], ids=str)
def test_a_refresh_that_failed_is_repeated(sim, view):
    """Terraform saves no state then, and so the drift that it had found would stay."""
    sim.applied(service("a", "size = 1") + service("b"))
    sim.drift("a", size=9)
    sim.fail("read", "b", attempts=1)
    done = sim.tfretry(*QUICK, "apply", "-auto-approve", *view)
    assert done.returncode == 0, done.stderr
    assert {each["name"]: each["size"] for each in sim.objects()}["a"] == 1


def test_refresh_on_retry_reads_every_resource_again(sim):
    """If the user asks for it."""
    sim.applied(service("a"))
    sim.write(service("a") + service("b"))
    sim.fail("create", "b", attempts=1)
    assert sim.tfretry("--refresh-on-retry", *QUICK, "apply", "-auto-approve").returncode == 0
    assert len(sim.calls("read")) == 2


@pytest.mark.parametrize("view", ["-no-color", "-json"])
def test_a_failed_update_is_repeated(sim, view):
    """The SDK saves a failed update as if it had succeeded; only a refresh shows that it has not."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2"))
    sim.fail("update", "a", attempts=2, leaves=True)
    done = sim.tfretry(*QUICK, "apply", "-auto-approve", view)
    assert done.returncode == 0, done.stderr
    assert [each["size"] for each in sim.objects()] == [2]


def test_a_requested_replacement_is_made_once(sim):
    """The retry does not replace the new object."""
    sim.applied(service("a"))
    sim.write(service("a") + service("b"))
    sim.fail("create", "b", attempts=2)
    done = sim.tfretry(*QUICK, "apply", "-auto-approve", "-replace=sim_service.a")
    assert done.returncode == 0, done.stderr
    assert [call.name for call in sim.calls("create")] == ["a", "b"]
    assert [call.name for call in sim.calls("delete")] == ["a"]


def test_a_replacement_that_failed_half_way_is_completed(sim):
    """The old object is destroyed, but the new one could not be created: the retry creates it."""
    sim.applied(service("a"))
    sim.fail("create", "a", attempts=2)
    done = sim.tfretry(*QUICK, "apply", "-auto-approve", "-replace=sim_service.a")
    assert done.returncode == 0, done.stderr
    assert sim.calls("create", "delete") == [("delete", "a"), ("create", "a")]

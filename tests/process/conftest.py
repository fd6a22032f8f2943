from __future__ import annotations

import pytest
from harness import Sandbox


@pytest.fixture
def new_sandbox(tmp_path):
    """Make any number of sandboxes, so that a test can run several cases at the same time."""
    sandboxes = []

    def make():
        folder = tmp_path / str(len(sandboxes))
        folder.mkdir()
        sandboxes.append(Sandbox(folder))
        return sandboxes[-1]

    yield make
    for sandbox in sandboxes:
        sandbox.close()


@pytest.fixture
def sandbox(new_sandbox):
    return new_sandbox()

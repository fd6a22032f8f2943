"""The canary and terraform's notice, each by itself."""

from __future__ import annotations

import os
import resource
import signal

import pytest

from tfretry.process.delivery import Canary


@pytest.fixture
def unlimited_cores(tmp_path, monkeypatch):
    """Let a process that dies of SIGQUIT leave a core file in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.usefixtures("unlimited_cores")
def test_a_canary_dumps_no_core_however_young_it_is():
    """SIGQUIT may arrive right after its start."""
    if not resource.getrlimit(resource.RLIMIT_CORE)[1]:
        pytest.skip("no core file is allowed here: a limit of the system")
    with Canary() as canary:
        for _ in range(20):
            canary.spawn()
            pid, canary._pid = canary._pid, None
            os.kill(pid, signal.SIGQUIT)
            _, status = os.waitpid(pid, 0)
            assert (os.WTERMSIG(status), os.WCOREDUMP(status)) == (signal.SIGQUIT, False)

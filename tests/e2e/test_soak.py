"""Runs with many attempts."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from saved_plans import service
from terraform_output import ROLE_ERROR, TFRETRY

pytest_plugins = ["provider_fixture"]
ATTEMPTS = 500
CONTINUED = 12


def growth(counts: Sequence[int]) -> int:
    """Return how much higher the lowest count of the last third is than that of the first; counts vary for moments."""
    third = len(counts) // 3
    return min(counts[-third:]) - min(counts[:third])


@pytest.mark.slow
def test_five_hundred_attempts_leak_nothing(fake_terraform, tmp_path):
    """Descriptors, threads and memory of tfretry do not grow after the first few."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    fake_terraform(
        f"""cat {tmp_path}/error >&2
        set -- $(grep -E 'VmRSS|Threads' /proc/$PPID/status | tr -dc '0-9\\n')
        echo "$(ls /proc/$PPID/fd | wc -l) $1 $2" >>{tmp_path}/seen
        exit 1"""
    )
    waits = ["--first-wait=1ms", "--longest-wait=1ms", "--timeout=1h", f"--max-attempts={ATTEMPTS}"]
    done = subprocess.run([*TFRETRY, *waits, "apply"], stderr=subprocess.DEVNULL, check=False, timeout=110)
    seen = [tuple(map(int, line.split())) for line in (tmp_path / "seen").read_text().splitlines()]
    assert (done.returncode, len(seen)) == (1, ATTEMPTS)
    descriptors, memory_kb, threads = zip(*seen[20:], strict=True)
    assert growth(descriptors) < 5
    assert max(threads) < 5  # ours, the pump and those of sh
    assert max(memory_kb) - min(memory_kb) < 4096


@pytest.mark.slow
def test_a_plan_that_is_continued_again_and_again_leaks_nothing(sim, tmp_path, monkeypatch):
    """No descriptor of an attempt's guardian, canary and files stays open."""
    names = [f"s{number}" for number in range(CONTINUED)]
    before = ["", *(f"sim_service.{name}" for name in names)]
    sim.write("".join(service(name, f"depends_on = [{needed}]") for name, needed in zip(names, before, strict=False)))
    sim.plan("tfplan")
    for name in names:
        sim.fail("create", name, attempts=1)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nls /proc/$PPID/fd | wc -l >>{tmp_path}/seen\nexec terraform "$@"\n')
    wrapper.chmod(0o755)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    waits = ["--first-wait=1ms", "--longest-wait=1ms"]
    done = sim.tfretry(*waits, f"--terraform={wrapper}", "apply", "-input=false", "tfplan")
    assert done.returncode == 0, done.stderr
    seen = [int(line) for line in (tmp_path / "seen").read_text().split()]
    assert len(seen) > 3 * CONTINUED  # each continuation runs plan, show and apply
    assert growth(seen) < 5
    assert list((tmp_path / "tmp").iterdir()) == []

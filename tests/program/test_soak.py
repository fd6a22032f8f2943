"""Long runs."""

from __future__ import annotations

import subprocess

import pytest
from scenes import ROLE_ERROR, TFRETRY

ATTEMPTS = 500


@pytest.mark.slow
def test_five_hundred_attempts_leak_nothing(fake_terraform, tmp_path):
    """Descriptors, threads and memory of tfretry stay as they were after the first few."""
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
    assert max(descriptors) - min(descriptors) < 5  # a moment of a start or an end
    assert max(threads) < 5  # ours, the pump and those of sh
    assert max(memory_kb) - min(memory_kb) < 4096

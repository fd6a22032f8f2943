"""Long runs and poor surroundings."""

from __future__ import annotations

import os
import subprocess
import sys

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


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LC_ALL": "C"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TMPDIR": "/nonexistent", "HOME": "/nonexistent"},
    ],
    ids=str,
)
def test_poor_surroundings_are_enough(fake_terraform, tmp_path, environ):
    """No home, no locale, no place for temporary files: arguments still arrive byte for byte, and the error is read."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    binary = fake_terraform(
        f"""printf '%s\\n' "$@" >>{tmp_path}/arguments
        [ -e {tmp_path}/tried ] && exit 0
        touch {tmp_path}/tried; cat {tmp_path}/error >&2; exit 1"""
    )
    command = [os.fsencode(word) for word in [sys.executable, "-m", "tfretry", "--first-wait=1ms", "apply"]]
    path = {"PATH": f"{binary.parent}:/usr/bin:/bin"}
    done = subprocess.run([*command, b"-var=a=\xff\xc3\xa9"], env={**path, **environ}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "arguments").read_bytes().count(b"-var=a=\xff\xc3\xa9\n") == 2
    assert b"tfretry: applied on attempt 2" in done.stderr

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time

import pytest
from benching import PLAN, WRITES_BLOCKS, circumstances, installed, medians, show
from terraform_output import ROLE_ERROR, TFRETRY

pytestmark = pytest.mark.bench

# BENCH_MEGABYTES=100 shortens the longest run.
MEGABYTES = [size for size in (1, 10, 100, 1000) if size <= int(os.environ.get("BENCH_MEGABYTES", "1000"))]
ATTEMPTS = (1, 10, 100)


@pytest.fixture(autouse=True)
def as_installed(monkeypatch):
    installed(monkeypatch)


def processor_s(command):
    """User and system seconds of *command* alone, whatever it starts."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return float(subprocess.run(command, check=True, **options).stderr.split()[-1])


def test_a_byte_costs_the_same_however_many_there_are(fake_terraform, tmp_path, monkeypatch):
    """Processor time of tfretry alone per megabyte, less that of a run without output."""
    script, text = tmp_path / "script.py", tmp_path / "text"
    script.write_text(WRITES_BLOCKS)
    text.write_bytes(PLAN)
    writer = shlex.join([sys.executable, "-S", "-E", str(script)])
    fake = fake_terraform(f'exec {writer} 1 "$TOTAL" {shlex.quote(str(text))}')
    main = (
        "import atexit, sys, resource; from tfretry.__main__ import main\n"
        "usage = lambda: resource.getrusage(resource.RUSAGE_SELF)\n"
        "atexit.register(lambda: print(usage().ru_utime + usage().ru_stime, file=sys.stderr)); main()"
    )
    command = [sys.executable, "-c", main, "--terraform", str(fake), "apply"]
    spent = {}
    for size in (0, *MEGABYTES):
        monkeypatch.setenv("TOTAL", str(size * 1_000_000))
        spent[size] = medians({"": lambda: processor_s(command)}, rounds=1 if size >= 1000 else 3)[""]
    each = {size: (spent[size] - spent[0]) / size * 1000 for size in MEGABYTES}
    costs = ", ".join(f"{size} MB: {cost:.2f} ms" for size, cost in each.items())
    largest, before = MEGABYTES[-1], MEGABYTES[-2]
    show(circumstances())
    show(f"a megabyte costs, of {costs}; the last over the one before: {each[largest] / each[before]:.2f} (flat: 1)")


def test_an_attempt_costs_the_same_however_many_there_are(fake_terraform, tmp_path, monkeypatch):
    """Time per attempt of a terraform that fails until the last one, over the same runs in a shell's loop."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    fake = fake_terraform(
        f"""cd {shlex.quote(str(tmp_path))}; echo >>count
        [ "$(grep -c '' count)" -ge "$LAST" ] && exit 0
        cat error >&2; exit 1"""
    )
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "1ms")
    monkeypatch.setenv("TFRETRY_LONGEST_WAIT", "1ms")
    loop = ["sh", "-c", f"until {shlex.quote(str(fake))} apply; do :; done"]
    ours = [*TFRETRY, "--terraform", str(fake), "apply"]

    def seconds(command):
        (tmp_path / "count").unlink(missing_ok=True)
        began = time.perf_counter()
        assert subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0
        return time.perf_counter() - began

    added = {}
    for attempts in ATTEMPTS:
        monkeypatch.setenv("LAST", str(attempts))
        found = medians({"loop": lambda: seconds(loop), "ours": lambda: seconds(ours)}, rounds=3)
        added[attempts] = found["ours"] - found["loop"]
    early = (added[10] - added[1]) / 9 * 1000
    late = (added[100] - added[10]) / 90 * 1000
    show(
        f"an attempt adds {early:.1f} ms from the 2nd to the 10th (with the imports of the first failure), "
        f"{late:.1f} ms from the 11th to the 100th: {late / early:.2f} (flat: at most 1)"
    )

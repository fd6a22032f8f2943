from __future__ import annotations

import contextlib
import os
import shlex
import statistics
import subprocess
import sys
import time
import tty
from pathlib import Path

import pytest
from benching import (
    PLAN,
    PROGRESS,
    STILL_CREATING,
    WRITES_BLOCKS,
    WRITES_LINES,
    alternating,
    circumstances,
    installed,
    medians,
    show,
    with_target,
)
from harness import process_stat
from terraform_output import TFRETRY

pytestmark = pytest.mark.bench

PLAINEST_PUMP = [sys.executable, "-S", "-c", "import os\nwhile c := os.read(0, 65536): os.write(1, c)"]
ROUNDS = 5
STAMPS = """
import os, time
for _ in range(1000):
    time.sleep(0.002)
    os.write(1, b"%d aws_ecs_service.ecs: Refreshing state...\\n" % time.monotonic_ns())
"""


@pytest.fixture(autouse=True)
def as_installed(monkeypatch):
    installed(monkeypatch)


@pytest.fixture
def writer(fake_terraform, tmp_path):
    """Function that writes a terraform in Python; it returns the commands of it bare, and with tfretry."""

    def write(script, *arguments, text=b""):
        (tmp_path / "script.py").write_text(script)
        (tmp_path / "text").write_bytes(text)
        command = [
            sys.executable,
            "-S",
            "-E",
            str(tmp_path / "script.py"),
            *map(str, arguments),
            str(tmp_path / "text"),
        ]
        fake = fake_terraform(f"exec {shlex.join(command)}")
        return [str(fake), "apply"], [*TFRETRY, "--terraform", str(fake), "apply"]

    return write


@contextlib.contextmanager
def reader(*, terminal=False):
    """A pipe or a raw terminal: the end to read from, and the end to write to."""
    source, target = os.openpty() if terminal else os.pipe()
    if terminal:
        tty.setraw(target)
    try:
        yield source, target
    finally:
        os.close(source)


def read_all(source):
    """Read to the end; return the number of bytes, and the seconds since the first of them."""
    count, began = 0, None
    with contextlib.suppress(OSError):  # a terminal's end
        while chunk := os.read(source, 65536):
            began = began or time.perf_counter()
            count += len(chunk)
    return count, time.perf_counter() - began


def rate(command, total, *, fd=1, terminal=False, pump=()):
    """Megabytes a second that come out of *command* (and out of *pump* behind it)."""
    with reader(terminal=terminal) as (source, target):
        streams = {1: subprocess.DEVNULL, 2: subprocess.DEVNULL, fd: subprocess.PIPE if pump else target}
        started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=streams[1], stderr=streams[2])]
        if pump:
            started.append(subprocess.Popen(pump, stdin=started[0].stdout, stdout=target))
            started[0].stdout.close()
        os.close(target)
        count, seconds = read_all(source)
        assert all(process.wait() == 0 for process in started)
    assert count > 0.99 * total
    return count / 1e6 / seconds


def test_reports_of_progress_pass_as_fast_as_terraform_writes_them(writer):
    """100 MB of nothing but `Still creating...`, each line written by itself, over a bare pipe."""
    total = 100_000_000
    bare, ours = writer(WRITES_LINES, 1, total, text=STILL_CREATING * 100)
    found = medians({"bare": lambda: rate(bare, total), "ours": lambda: rate(ours, total)}, rounds=ROUNDS)
    ratio = found["ours"] / found["bare"]
    show(
        f"nothing but Still creating, line by line: {found['ours']:.0f} MB/s, {ratio:.2f} of the bare pipe "
        f"({found['bare']:.0f}); {with_target(ratio, at_least=0.7)}"
    )


@pytest.mark.parametrize("fd", [1, 2], ids=["stdout", "stderr"])
def test_lines_pass_as_fast_as_terraform_writes_them(writer, fd):
    """A plan and its progress, each line written by itself, over a bare pipe."""
    total = 20_000_000
    bare, ours = writer(WRITES_LINES, fd, total, text=(PLAN + PROGRESS) * 10)
    found = medians({"bare": lambda: rate(bare, total, fd=fd), "ours": lambda: rate(ours, total, fd=fd)}, rounds=ROUNDS)
    ratio = found["ours"] / found["bare"]
    show(circumstances())
    show(
        f"line by line on {'stdout' if fd == 1 else 'stderr'}: {found['ours']:.0f} MB/s, {ratio:.2f} of the bare pipe "
        f"({found['bare']:.0f}); {with_target(ratio, at_least=0.7)}"
    )


def test_blocks_pass_half_as_fast_as_through_the_plainest_pump(writer):
    """512 MB of a plan in blocks of 64 KiB, over a pump that looks at nothing."""
    total = 512 << 20
    bare, ours = writer(WRITES_BLOCKS, 1, total, text=PLAN)
    measures = {"plain": lambda: rate(bare, total, pump=PLAINEST_PUMP), "ours": lambda: rate(ours, total)}
    found = medians(measures, rounds=ROUNDS)
    ratio = found["ours"] / found["plain"]
    show(
        f"blocks of 64 KiB: {found['ours']:.0f} MB/s, {ratio:.2f} of the plainest pump ({found['plain']:.0f}); "
        f"{with_target(ratio, at_least=0.5)}"
    )


def test_a_terminal_is_as_fast_as_it_allows(writer):
    """The same lines to a terminal, over bare terraform on it."""
    total = 10_000_000
    bare, ours = writer(WRITES_LINES, 1, total, text=PLAN + PROGRESS)
    measures = {
        "bare": lambda: rate(bare, total, terminal=True),
        "ours": lambda: rate(ours, total, terminal=True),
    }
    found = medians(measures, rounds=3)
    show(
        f"on a terminal: {found['ours']:.0f} MB/s, {found['ours'] / found['bare']:.2f} of the bare one "
        f"({found['bare']:.0f})"
    )


# A small process between us: a program's greatest memory counts that of the process which started it.
MEASURES_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_stays_small(writer):
    """The greatest resident memory over 512 MB."""
    _, ours = writer(WRITES_BLOCKS, 1, 512 << 20, text=PLAN)
    argv = [sys.executable, "-S", "-E", "-c", MEASURES_MEMORY, *ours]
    mebibytes = int(subprocess.run(argv, capture_output=True, check=True).stdout) / 1024
    show(f"memory after 512 MB: {mebibytes:.0f} MiB, {with_target(mebibytes, at_most=64, unit=' MiB')}")


def latencies(command):
    """The 50th and 99th percentile of the milliseconds from a line's writing to its reading."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as process:
        late = []
        while chunk := process.stdout.read(65536):
            now_ns = time.monotonic_ns()
            late += [(now_ns - int(line.split()[0])) / 1e6 for line in chunk.splitlines()]
    assert process.returncode == 0
    assert len(late) == 1000
    cuts = statistics.quantiles(late, n=100)
    return cuts[49], cuts[98]


def test_a_line_is_not_held_up(writer):
    """One line every 2 ms; the median of three runs' percentiles."""
    bare, ours = writer(STAMPS)
    found = alternating({"bare": lambda: latencies(bare), "ours": lambda: latencies(ours)}, rounds=3)
    (half_bare, most_bare), (half, most) = [map(statistics.median, zip(*each, strict=True)) for each in found.values()]
    added = most - most_bare
    show(
        f"a line's latency: p50 {half:.2f} ms (bare {half_bare:.2f}), p99 {most:.2f} ms (bare {most_bare:.2f}); "
        f"added at p99 {added:.2f} ms, {with_target(added, at_most=2, unit=' ms')}"
    )


def spent_s(pid):
    """Processor seconds of a process and of its children so far."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    fields = process_stat(pid)
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(spent_s, children))


def test_silence_costs_nothing(fake_terraform):
    """Processor time of tfretry and all it has started while terraform prints nothing for five seconds."""
    fake = fake_terraform("echo ready; exec sleep 60")
    command = [*TFRETRY, "--terraform", str(fake), "apply"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(1)
        before = spent_s(process.pid)
        time.sleep(5)
        share = (spent_s(process.pid) - before) / 5 * 100
        process.terminate()
    show(f"while terraform is silent: {share:.2f} % of a core, {with_target(share, at_most=1, unit=' %')}")

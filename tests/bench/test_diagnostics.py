from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest
from aws_errors import SENTENCE
from benching import STILL_CREATING

LINE = b'2026-11-24T01:42:03.123Z [TRACE] vertex "aws_ecs_service.ecs": visit complete, with some more words to it\n'
KINDS = {
    "a log in blocks of 64 KiB": (LINE * 700)[:65_536],
    "progress in blocks of 64 KiB": (STILL_CREATING * 1000)[:65_536],
    "one line without end in blocks of 64 KiB": b"x" * 65_536,
    "a log in chunks of one line": LINE,
}
# In a process of its own, so that its memory is its own: total bytes and a block on the command line.
MEASURED = """
import sys, time
from pathlib import Path
from tfretry.causes.diagnosis import Classifier
from tfretry.causes.time_limit import time_limit
from tfretry.causes.table import TABLE
from tfretry.output.reader import OutputReader

total, channel, block = int(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()
reader = OutputReader(Classifier(TABLE, time_limit).see)
started = time.perf_counter()
for _ in range(total // len(block)):
    reader.feed(channel, block)
reader.close()
seconds = time.perf_counter() - started
# Not ru_maxrss, which counts the memory of the process that started this one, too (getrusage(2), exec).
print(seconds, Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def measured(block: bytes, total: int, channel: int) -> tuple[float, float]:
    argv = [sys.executable, "-c", MEASURED, str(total), str(channel)]
    seconds, kibibytes = subprocess.run(argv, input=block, capture_output=True, check=True).stdout.split()
    return total / 1e6 / float(seconds), int(kibibytes) / 1024


def grep_rate(block: bytes, total: int, tmp_path) -> float:
    file = tmp_path / "output"
    with file.open("wb") as out:
        for _ in range(total // len(block)):
            out.write(block)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = ["grep", "-c", SENTENCE, str(file)]
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total / 1e6 / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@pytest.mark.bench
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channel", [1, 2], ids=["stdout", "stderr"])
def test_output_without_errors_is_read_fast(kind, channel, tmp_path, capsys):
    """300 MB of stdout, which has the progress too, or of stderr, beside `grep -c`."""
    total = 60_000_000 if "chunks" in kind else 300_000_000
    rate, mebibytes = measured(KINDS[kind], total, channel)
    beside = grep_rate(KINDS[kind], total, tmp_path)
    with capsys.disabled():
        sys.stdout.write(
            f"\nchannel {channel}, {kind}: {rate:.0f} MB/s, {rate / beside:.2f} of grep -c ({beside:.0f}), "
            f"{mebibytes:.0f} MiB"
        )


@pytest.mark.bench
def test_a_log_that_quotes_errors_everywhere_is_read_in_bounded_memory(capsys):
    """100 MB of TF_LOG, each line with an anchor: the slow path."""
    block = LINE.replace(b"visit", b"Error: visit") * 500
    rate, mebibytes = measured(block, 100_000_000, 2)
    assert mebibytes < 64
    with capsys.disabled():
        sys.stdout.write(f"\na log with an anchor in every line: {rate:.0f} MB/s, {mebibytes:.0f} MiB")


@pytest.mark.bench
def test_a_million_errors_are_read_in_bounded_memory(capsys):
    """A million boxes, none of which is transient."""
    box = "╷\n│ Error: Invalid index\n│ \n│   with a.b,\n│ \n│ Some words.\n╵\n".encode()
    started = time.perf_counter()
    _, mebibytes = measured(box * 500, len(box) * 1_000_000, 2)
    assert mebibytes < 64
    with capsys.disabled():
        sys.stdout.write(f"\na million errors: {time.perf_counter() - started:.0f} s, {mebibytes:.0f} MiB")

"""Functions of the benchmarks: alternating runs, medians, and printing a figure beside its target."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from datetime import date

PLAN = b"""  \x1b[1m# aws_iam_role_policy.task\x1b[0m will be created
  \x1b[32m+\x1b[0m\x1b[0m resource "aws_iam_role_policy" "task" {
      \x1b[32m+\x1b[0m\x1b[0m id     = (known after apply)
      \x1b[32m+\x1b[0m\x1b[0m policy = jsonencode(
            {
              \x1b[32m+\x1b[0m\x1b[0m Statement = [
                  \x1b[32m+\x1b[0m\x1b[0m {
                      \x1b[32m+\x1b[0m\x1b[0m Action   = "s3:GetObject"
                      \x1b[32m+\x1b[0m\x1b[0m Effect   = "Allow"
                      \x1b[32m+\x1b[0m\x1b[0m Resource = "arn:aws:s3:::bucket/*"
                      \x1b[32m+\x1b[0m\x1b[0m Sid      = "ReadEverything"
                    },
                ]
            }
        )
    }
"""
PROGRESS = b"""\x1b[0m\x1b[1maws_iam_role_policy.task: Creating...\x1b[0m\x1b[0m
\x1b[0m\x1b[1maws_iam_role_policy.task: Still creating... [10s elapsed]\x1b[0m\x1b[0m
\x1b[0m\x1b[1maws_iam_role_policy.task: Creation complete after 12s [id=task:policy]\x1b[0m
"""
STILL_CREATING = b"\x1b[0m\x1b[1maws_ecs_service.ecs: Still creating... [10s elapsed]\x1b[0m\x1b[0m\n"
# Two ways to print: each line in a write of its own, or as fast as possible in blocks of 64 KiB.
WRITES_LINES = """
import os, sys
fd, total, lines = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "rb").read().splitlines(keepends=True)
for _ in range(total // sum(map(len, lines))):
    for line in lines:
        os.write(fd, line)
"""
WRITES_BLOCKS = """
import os, sys
fd, total, text = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "rb").read()
block = memoryview((text * (65536 // len(text) + 1))[:65536])
for _ in range(total // 65536):
    written = 0
    while written < 65536:
        written += os.write(fd, block[written:])
"""


def show(text: str) -> None:
    """Print one line of figures."""
    sys.stdout.write(f"\n{text}")
    sys.stdout.flush()


def circumstances() -> str:
    """The date, the kind of machine, its load and the version of Python."""
    machine = f"{platform.system()} {platform.release().partition('-')[0]}, {os.cpu_count()} CPUs"
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"{date.today():%Y-%m-%d}, {machine}, Python {platform.python_version()}, {load}"  # noqa: DTZ011


def with_target(figure: float, *, at_most: float | None = None, at_least: float | None = None, unit: str = "") -> str:
    """The target, and whether *figure* meets it."""
    if at_most is not None:
        return f"target at most {at_most:g}{unit}: {'met' if figure <= at_most else 'TARGET MISSED'}"
    return f"target at least {at_least:g}{unit}: {'met' if figure >= at_least else 'TARGET MISSED'}"


def alternating(measures, *, rounds):
    """Run *measures* in turn, so that other load affects all of them; return the figures of each."""
    figures = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            figures[name].append(measure())
    return figures


def medians(measures, *, rounds):
    """Run *measures* in turn and return the median of each."""
    return {name: statistics.median(each) for name, each in alternating(measures, rounds=rounds).items()}


def installed(monkeypatch):
    """Let Python cache its bytecode, as pip does; run once before measuring."""
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)


def milliseconds(run) -> float:
    """Call *run* and return how long it took."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000

from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import pytest

DISPOSITIONS = [shutil.which("grep"), "^Sig[BIC]", "/proc/self/status"]
EXEC = f"""
from tfretry import signalmask
mask = signalmask.block()
import os
signalmask.restore_for_exec(mask)
os.execv({DISPOSITIONS[0]!r}, {DISPOSITIONS!r})
"""


def nothing():
    """Leave all as it is."""


def ignore():
    for signo in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(signo, signal.SIG_IGN)


def block():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGALRM])


@pytest.mark.parametrize("prepare", [nothing, ignore, block])
def test_what_is_executed_sees_signals_as_without_us(prepare):
    """For all that is not retried: neither Python's dispositions nor our mask are left."""
    alone, through_us = (
        subprocess.run(argv, preexec_fn=prepare, capture_output=True, check=True).stdout
        for argv in (DISPOSITIONS, [sys.executable, "-c", EXEC])
    )
    assert through_us == alone

from __future__ import annotations

import shutil
import signal
import subprocess
import sys

import pytest
from harness import DISPOSITIONS

EXEC = """
from tfretry.process import signalmask
mask = signalmask.block()
import os, sys
signalmask.restore_for_exec(mask)
os.execv(sys.argv[1], sys.argv[1:])
"""
THROUGH_US = [sys.executable, "-c", EXEC]


def output(argv, **options):
    return subprocess.run(argv, capture_output=True, check=True, text=True, **options).stdout


def nothing():
    """Change nothing."""


def ignore():
    for signo in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(signo, signal.SIG_IGN)


def block():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGALRM])


@pytest.mark.parametrize("prepare", [nothing, ignore, block])
def test_an_executed_program_has_dispositions_and_mask_as_without_us(prepare):
    """Neither Python's dispositions nor our mask remain in the terraform that replaces us."""
    alone = output(DISPOSITIONS, preexec_fn=prepare)
    assert output([*THROUGH_US, *DISPOSITIONS], preexec_fn=prepare) == alone


@pytest.mark.parametrize("locale", [{}, {"LC_CTYPE": "C"}, {"LC_CTYPE": "C.UTF-8"}, {"LC_ALL": "C"}, {"LANG": "C"}])
def test_an_executed_program_has_the_locale_as_without_us(locale):
    """Python adds LC_CTYPE to the environment in the C locale."""
    shown = output([*THROUGH_US, shutil.which("env")], env=locale)
    assert dict(line.split("=") for line in shown.splitlines()) == locale

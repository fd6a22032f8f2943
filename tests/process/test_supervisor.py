from __future__ import annotations

import os
import signal

import pytest

from tfretry.process import signalmask
from tfretry.process.delivery import Canary
from tfretry.process.guardian import Guardian
from tfretry.process.signals import Signals
from tfretry.process.supervisor import Supervisor

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


class Child:
    """Notes what it is sent, and lives until told otherwise."""

    def __init__(self):
        self.sent = []

    def is_alive(self):
        return True

    def signal(self, signo):
        self.sent.append(signo)


@pytest.fixture
def supervisor():
    """One that has just begun, and the child that it attends to."""
    mask = signalmask.block()
    with Signals(mask) as signals, Guardian(drains=[]) as guardian, Canary() as canary:
        child = Child()
        yield (
            Supervisor(child, signals=signals, guardian=guardian, canary=canary, channels=[], notices=[]),
            child,
        )


def fork():
    """Fork as sh does."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("pending", "sent"),
    [
        ([], []),
        ([INT], [INT]),
        ([TERM], [TERM]),
        ([HUP], [TERM]),
        ([HUP, TERM], [TERM]),
        ([signal.SIGWINCH], [signal.SIGWINCH]),
        ([signal.SIGCHLD], []),
    ],
)
def test_what_is_pending_at_the_fork_is_passed_on_at_once(supervisor, pending, sent):
    """Between our last look and the fork it reached us alone."""
    attending, child = supervisor
    for signo in pending:
        os.kill(os.getpid(), signo)
    fork()
    attending.forward_pending()
    assert child.sent == sent
    stops = [signo for signo in pending if signo in (INT, TERM, HUP)]
    assert attending.first_signal == (min(stops, key=lambda signo: signo == HUP) if stops else None)


@pytest.mark.parametrize("signo", [INT, TERM])
def test_what_comes_after_the_fork_is_not_passed_on_at_once(supervisor, signo):
    """It may have reached terraform too; but it is a signal, and nothing is retried after it."""
    attending, child = supervisor
    fork()
    os.kill(os.getpid(), signo)
    attending.forward_pending()
    assert child.sent == []
    assert attending.first_signal == signo

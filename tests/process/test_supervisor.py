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
    """Takes the place of a running terraform, and keeps the signals that are sent to it."""

    def __init__(self):
        self.sent = []

    def is_alive(self):
        return True

    def signal(self, signo):
        self.sent.append(signo)


@pytest.fixture
def child():
    return Child()


@pytest.fixture
def supervisor(child):
    """Supervise *child*, which has just been started."""
    mask = signalmask.block()
    with Signals(mask) as signals, Guardian([]) as guardian, Canary() as canary:
        yield Supervisor(child, signals=signals, guardian=guardian, canary=canary, channels=[], notices=[])


def fork():
    """Fork as sh does."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("pending", "sent", "first"),
    [
        ([], [], None),
        ([INT], [INT], INT),
        ([TERM], [TERM], TERM),
        ([HUP], [TERM], HUP),
        ([HUP, TERM], [TERM], TERM),
        ([signal.SIGWINCH], [signal.SIGWINCH], None),
        ([signal.SIGCHLD], [], None),
    ],
)
def test_a_signal_that_is_pending_at_the_fork_is_forwarded_at_once(supervisor, child, pending, sent, first):
    """It came before terraform existed, so only we received it."""
    for signo in pending:
        os.kill(os.getpid(), signo)
    fork()
    supervisor.forward_pending()
    assert child.sent == sent
    assert supervisor.first_signal == first


@pytest.mark.parametrize("signo", [INT, TERM])
def test_a_signal_after_the_fork_is_not_forwarded_at_once(supervisor, child, signo):
    """Terraform may have received it too; it is noted all the same, and nothing is retried after it."""
    fork()
    os.kill(os.getpid(), signo)
    supervisor.forward_pending()
    assert child.sent == []
    assert supervisor.first_signal == signo

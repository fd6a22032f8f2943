from __future__ import annotations

import signal

import pytest

from tfretry.process.forwarding import Action, CanaryDeath, Evidence, ReceivedSignal, decide

HUP, INT, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGTERM
IGNORE, SKIP, WAIT, FORWARD, TERMINATE, RESIZE = Action

# Terraform was forked at 100. Columns: signal, received at, from the terminal, evidence, decided at, action.
CASES = {
    "terminal, later": (INT, 110, True, {}, 110, SKIP),
    "terminal, during the start": (INT, 100.05, True, {}, 100.05, WAIT),
    "terminal, during the start, no evidence in time": (INT, 100.05, True, {}, 100.56, FORWARD),
    "terminal, during the start, canary died": (INT, 100.05, True, {"deaths": [(INT, 100.06)]}, 100.06, SKIP),
    "terminal, pending at the fork": (INT, 100.0, True, {}, 100, FORWARD),
    "kill, pending at the fork": (TERM, 99.9, False, {}, 100, FORWARD),
    "kill, no evidence yet": (TERM, 110, False, {}, 110, WAIT),
    "kill, no evidence, shortly before the limit": (TERM, 110, False, {}, 110.49, WAIT),
    "kill, no evidence in time": (TERM, 110, False, {}, 110.5, FORWARD),
    "canary died of it": (TERM, 110, False, {"deaths": [(TERM, 110.2)]}, 110.2, SKIP),
    "canary died of it just before": (TERM, 110, False, {"deaths": [(TERM, 109.95)]}, 110, SKIP),
    "canary died of an earlier one": (TERM, 110, False, {"deaths": [(TERM, 109.8)]}, 110.5, FORWARD),
    "canary died of a later one": (TERM, 110, False, {"deaths": [(TERM, 110.6)]}, 110.7, FORWARD),
    "canary died of another signal": (TERM, 110, False, {"deaths": [(INT, 110.1)]}, 110.5, FORWARD),
    "canaries died of this and of another signal": (TERM, 110, False, {"deaths": [(INT, 105), (TERM, 110)]}, 110, SKIP),
    "notice": (INT, 110, False, {"notice_at": 110.3}, 110.3, SKIP),
    "notice just before": (INT, 110, False, {"notice_at": 109.95}, 110, SKIP),
    "notice of an earlier one": (INT, 110, False, {"notice_at": 105}, 110.5, FORWARD),
    "notice of a forwarded one": (
        INT,
        110.3,
        False,
        {"notice_at": 110.6, "interrupted_at": 110.5},
        110.8,
        FORWARD,
    ),
    "notice before we knew of it": (
        INT,
        110,
        False,
        {"notice_at": 109.99, "interrupted_at": 110},
        110,
        SKIP,
    ),
    "SIGQUIT, of which terraform prints no notice": (signal.SIGQUIT, 110, False, {"notice_at": 110.1}, 110.5, FORWARD),
    "SIGQUIT, canary died of it": (signal.SIGQUIT, 110, False, {"deaths": [(signal.SIGQUIT, 110)]}, 110, SKIP),
    "SIGUSR1": (signal.SIGUSR1, 110, False, {}, 110.5, FORWARD),
    "SIGUSR2": (signal.SIGUSR2, 110, False, {}, 110.5, FORWARD),
    "second interrupt": (INT, 111, False, {"interrupted_at": 110}, 111.5, FORWARD),
    "hang-up": (HUP, 110, True, {}, 110, TERMINATE),
    "hang-up by kill": (HUP, 110, False, {}, 110, TERMINATE),
    "hang-up, pending at the fork": (HUP, 99, False, {}, 100, TERMINATE),
    "second hang-up": (HUP, 110, True, {"interrupted_at": 109}, 110, SKIP),
    "hang-up while an interrupt is undecided": (HUP, 110, True, {"undecided": True}, 110, WAIT),
    "window size": (signal.SIGWINCH, 110, True, {}, 110, RESIZE),
    "continued": (signal.SIGCONT, 110, False, {}, 110, RESIZE),
    "SIGCHLD": (signal.SIGCHLD, 110, False, {}, 110, IGNORE),
}


@pytest.mark.parametrize(("signo", "at", "from_terminal", "known", "now", "action"), CASES.values(), ids=CASES)
def test_evidence_decides_whether_a_signal_is_forwarded(signo, at, from_terminal, known, now, action):
    """It is forwarded exactly if terraform has not received it."""
    deaths = tuple(CanaryDeath(signal=number, at=seen_at) for number, seen_at in known.get("deaths", []))
    evidence = Evidence(started=100, **{**known, "deaths": deaths})
    assert decide(ReceivedSignal(signal=signo, at=at, from_terminal=from_terminal), evidence, now) is action

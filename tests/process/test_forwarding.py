from __future__ import annotations

import signal

import pytest

from tfretry.process.forwarding import Action, CanaryDeath, Evidence, ReceivedSignal, decide

HUP, INT, TERM = signal.SIGHUP, signal.SIGINT, signal.SIGTERM
NOTHING, KEEP, WAIT, FORWARD, TERMINATE, RESIZE = Action

# Terraform was forked at 100.0; a signal arrives; it is judged at once, or when the witnesses have had their time.
CASES = {
    "the terminal's, later": (INT, 110, True, {}, 110, KEEP),
    "the terminal's, too early to trust": (INT, 100.05, True, {}, 100.05, WAIT),
    "the terminal's, too early, without a witness": (INT, 100.05, True, {}, 100.56, FORWARD),
    "the terminal's, too early, with a witness": (INT, 100.05, True, {"deaths": [(INT, 100.06)]}, 100.06, KEEP),
    "the terminal's, pending since before the start": (INT, 100.0, True, {}, 100, FORWARD),
    "kill, pending since before the start": (TERM, 99.9, False, {}, 100, FORWARD),
    "kill, just now": (TERM, 110, False, {}, 110, WAIT),
    "kill, nearly out of patience": (TERM, 110, False, {}, 110.49, WAIT),
    "kill, no witness": (TERM, 110, False, {}, 110.5, FORWARD),
    "the canary died of it": (TERM, 110, False, {"deaths": [(TERM, 110.2)]}, 110.2, KEEP),
    "the canary died of it just before": (TERM, 110, False, {"deaths": [(TERM, 109.95)]}, 110, KEEP),
    "the canary died of it long before": (TERM, 110, False, {"deaths": [(TERM, 109.8)]}, 110.5, FORWARD),
    "the canary died of it too late": (TERM, 110, False, {"deaths": [(TERM, 110.6)]}, 110.7, FORWARD),
    "the canary died of another": (TERM, 110, False, {"deaths": [(INT, 110.1)]}, 110.5, FORWARD),
    "one of several deaths": (TERM, 110, False, {"deaths": [(INT, 105), (TERM, 110)]}, 110, KEEP),
    "terraform says so": (INT, 110, False, {"notice_at": 110.3}, 110.3, KEEP),
    "terraform said so just before": (INT, 110, False, {"notice_at": 109.95}, 110, KEEP),
    "terraform said so long before": (INT, 110, False, {"notice_at": 105}, 110.5, FORWARD),
    "terraform speaks of ours": (INT, 110.3, False, {"notice_at": 110.6, "interrupted_at": 110.5}, 110.8, FORWARD),
    "terraform spoke before we knew": (INT, 110, False, {"notice_at": 109.99, "interrupted_at": 110}, 110, KEEP),
    "terraform never says so of SIGQUIT": (signal.SIGQUIT, 110, False, {"notice_at": 110.1}, 110.5, FORWARD),
    "SIGQUIT, witnessed": (signal.SIGQUIT, 110, False, {"deaths": [(signal.SIGQUIT, 110)]}, 110, KEEP),
    "SIGUSR1": (signal.SIGUSR1, 110, False, {}, 110.5, FORWARD),
    "SIGUSR2": (signal.SIGUSR2, 110, False, {}, 110.5, FORWARD),
    "a second signal is a second signal": (INT, 111, False, {"interrupted_at": 110}, 111.5, FORWARD),
    "hang-up": (HUP, 110, True, {}, 110, TERMINATE),
    "hang-up by kill": (HUP, 110, False, {}, 110, TERMINATE),
    "hang-up, pending since before the start": (HUP, 99, False, {}, 100, TERMINATE),
    "a second hang-up": (HUP, 110, True, {"interrupted_at": 109}, 110, KEEP),
    "hang-up while an interrupt is judged": (HUP, 110, True, {"undecided": True}, 110, WAIT),
    "window": (signal.SIGWINCH, 110, True, {}, 110, RESIZE),
    "continued": (signal.SIGCONT, 110, False, {}, 110, RESIZE),
    "a child's end": (signal.SIGCHLD, 110, False, {}, 110, NOTHING),
}


@pytest.mark.parametrize(("signo", "at", "from_terminal", "known", "now", "ruling"), CASES.values(), ids=CASES)
def test_what_arrived_decides_what_to_do(signo, at, from_terminal, known, now, ruling):
    """One row, one case; nothing else is looked at."""
    deaths = tuple(CanaryDeath(signal=died_of, at=when) for died_of, when in known.pop("deaths", []))
    evidence = Evidence(started=100, deaths=deaths, **known)
    assert decide(ReceivedSignal(signal=signo, at=at, from_terminal=from_terminal), evidence, now) is ruling

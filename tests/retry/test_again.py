from __future__ import annotations

import pytest

from tfretry.again import PLAN_IS_STALE, REFRESH_IS_REQUIRED, Continued, Repeated
from tfretry.attempt import Attempt
from tfretry.causes.judge import Diagnosis, Finding
from tfretry.terraform.command import Command


def attempt(said, *, exit_code=1, signalled=None):
    obstacle = Finding(address=None, summary=said, cause=None)
    return Attempt(
        argv=(),
        started=0.0,
        began_s=0.0,
        ended_s=1.0,
        exit_code=exit_code,
        signalled=signalled,
        diagnosis=Diagnosis(errors=1, findings=(obstacle,), obstacle=obstacle),
        finished=frozenset(),
        update_failed=False,
        polled_s=0.0,
        left_line_open=False,
        version=None,
    )


class Checked:
    """A saved plan whose rest is checked already."""

    refuses_stale_plans = True

    def check_premises(self):
        """All is as it was."""

    def plan_rest(self, _finished, _directory):
        return "/private/rest.tfplan"


@pytest.mark.parametrize(
    ("ending", "runs"),
    [
        ({}, 2),
        ({"signalled": 15}, 1),
        ({"exit_code": 2}, 1),
        ({"exit_code": -9}, 1),
    ],
)
def test_a_refused_attempt_is_made_otherwise_only_if_it_ended_by_itself(ending, runs):
    """After a signal nothing is retried, whatever terraform says."""
    made = []
    command = Command.of("terraform", ["apply"], {})

    def run(argv, _private=None):
        made.append(argv)
        return attempt(f"{REFRESH_IS_REQUIRED} here", **ending)

    Repeated(command, run, refresh=False)(attempt("x"))
    assert len(made) == runs


@pytest.mark.parametrize(("signalled", "runs"), [(None, 2), (15, 1)])
def test_a_stale_plan_is_planned_anew_unless_a_signal_came(signalled, runs):
    """The same for a checked plan that is applied again."""
    made = []
    command = Command.of("terraform", ["apply", "tfplan"], {})

    def run(argv, _private=None):
        made.append(argv)
        return attempt(PLAN_IS_STALE, signalled=signalled)

    continued = Continued(command, run, saved=Checked(), directory=None)
    continued(attempt("x"))
    made.clear()
    continued(attempt("x"))
    assert len(made) == runs

from __future__ import annotations

import pytest

from tfretry.again import PLAN_IS_STALE, REFRESH_IS_REQUIRED, Continued, Repeated
from tfretry.attempt import Attempt
from tfretry.causes.judge import Diagnosis, Finding
from tfretry.output.progress import Completion
from tfretry.terraform.command import Command


def attempt(said, *, exit_code=1, signalled=None, finished=(), update_failed=False, begun=True):
    obstacle = Finding(address=None, summary=said, cause=None)
    return Attempt(
        argv=(),
        started=0.0,
        began_s=0.0,
        ended_s=1.0,
        exit_code=exit_code,
        signalled=signalled,
        diagnosis=Diagnosis(errors=1, findings=(obstacle,), obstacle=obstacle),
        finished=frozenset(finished),
        begun=begun,
        update_failed=update_failed,
        polled_s=0.0,
        left_line_open=False,
        version=None,
    )


class Checked:
    """A saved plan whose rest is checked already; notes what it is asked."""

    def __init__(self, *, refuses_stale_plans=True):
        self.refuses_stale_plans = refuses_stale_plans
        self.asked = []

    def check_premises(self):
        """All is as it was."""

    def plan_rest(self, finished, directory):
        self.asked.append((set(finished), directory))
        return f"/private/rest{len(self.asked)}.tfplan"


def complete(action, address):
    return Completion(action=action, address=address, deposed=None)


def repeated(*lasts, arguments=(), refresh=False, said=()):
    """What runs after each of *lasts*; *said* is what each run says, then `x`."""
    made, answers = [], iter(said)
    command = Command.of("terraform", ["apply", *arguments], {})

    def run(argv, _private=None):
        made.append(argv[2:])
        return attempt(next(answers, "x"))

    again = Repeated(command, run, refresh=refresh)
    for last in lasts:
        again(last)
    return made


def test_a_repeated_apply_leaves_out_what_is_done_and_the_refresh():
    """A replacement is done once its new object is there, in whichever attempt that was."""
    lasts = [
        attempt("x", finished=[complete("create", "a.b"), complete("delete", "c.d")]),
        attempt("x", finished=[complete("create", "e.f")]),
    ]
    arguments = ["-replace=a.b", "-replace=c.d", "-replace=e.f"]
    assert repeated(*lasts, arguments=arguments) == [
        ["-refresh=false", "-replace=c.d", "-replace=e.f"],
        ["-refresh=false", "-replace=c.d"],
    ]


def test_a_repeated_apply_refreshes_when_it_must_and_from_then_on():
    """Because the user wants it, because an update failed, or because the backend knows nothing else."""
    x, failed, unbegun = attempt("x"), attempt("x", update_failed=True), attempt("x", begun=False)
    assert repeated(unbegun, x, unbegun) == [[], ["-refresh=false"], []]
    assert repeated(x, refresh=True) == [[]]
    assert repeated(x, failed, x) == [["-refresh=false"], [], []]
    assert repeated(x, x, said=[REFRESH_IS_REQUIRED]) == [["-refresh=false"], [], []]
    assert repeated(x, refresh=True, said=[REFRESH_IS_REQUIRED]) == [[]]


@pytest.mark.parametrize(
    ("refuses", "second", "applied"),
    [
        (True, [], ["/private/rest1.tfplan", "/private/rest1.tfplan"]),
        (True, [complete("create", "c.d")], ["/private/rest1.tfplan", "/private/rest2.tfplan"]),
        (False, [], ["/private/rest1.tfplan", "/private/rest2.tfplan"]),
    ],
)
def test_a_checked_plan_is_applied_again_only_while_nothing_has_changed(refuses, second, applied):
    """And only by a terraform that would notice; all that is complete is told to the check."""
    made = []
    directory = object()
    saved = Checked(refuses_stale_plans=refuses)

    def run(argv, private):
        made.append((argv, private))
        return attempt("x")

    continued = Continued(Command.of("terraform", ["apply", "tfplan"], {}), run, saved=saved, directory=directory)
    continued(attempt("x", finished=[complete("create", "a.b")]))
    continued(attempt("x", finished=second))
    assert made == [(["terraform", "apply", plan], directory) for plan in applied]
    assert saved.asked[0] == ({complete("create", "a.b")}, directory)
    assert saved.asked[1:] in ([], [({complete("create", "a.b"), *second}, directory)])


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

from __future__ import annotations

import pytest

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Diagnosis, Finding
from tfretry.errors import NotRetriedError
from tfretry.next_argv import repeat
from tfretry.output.progress import Completion
from tfretry.policy import NO_REFRESH, NO_REFRESH_REFUSED
from tfretry.terraform.command import Command


def attempt(*created, destroyed=(), said="x", argv=(), update_failed=False, begun=True, is_cut=False):
    unexplained = Finding(address=None, summary=said, cause=None)
    made = [("create", address) for address in created] + [("delete", address) for address in destroyed]
    return Attempt(
        argv=argv,
        started=0.0,
        began_s=0.0,
        ended_s=1.0,
        exit_code=1,
        received_signal=None,
        diagnosis=Diagnosis(errors=1, findings=(unexplained,), unexplained=unexplained),
        finished=tuple(Completion(action=action, address=address, deposed=None) for action, address in made),
        destroy_provisioned=frozenset(),
        reports_are_cut=is_cut,
        begun=begun,
        update_failed=update_failed,
        polled_s=0.0,
        left_line_open=False,
        version=None,
    )


def repeated(*attempts, arguments=(), refresh=False):
    """The arguments behind `apply` that follow *attempts*."""
    command = Command.of("terraform", ["apply", *arguments], {})
    return list(repeat(command, attempts, refresh=refresh).argv[2:])


def test_a_repeated_apply_leaves_out_what_is_done_and_the_refresh():
    """A replacement is done once its new object is there, in whichever attempt that was."""
    arguments = ["-replace=a.b", "-replace=c.d", "-replace=e.f"]
    first, second = attempt("a.b"), attempt("e.f")
    assert repeated(first, arguments=arguments) == [NO_REFRESH, "-replace=c.d", "-replace=e.f"]
    assert repeated(first, second, arguments=arguments) == [NO_REFRESH, "-replace=c.d"]


def test_what_was_destroyed_alone_is_still_to_be_replaced():
    """Its new object is not there yet."""
    assert repeated(attempt(destroyed=["a.b"]), arguments=["-replace=a.b"]) == [NO_REFRESH, "-replace=a.b"]


def test_a_repeated_apply_refreshes_when_it_must_and_from_then_on():
    """Because the user wants it, because an update failed, or because the backend knows nothing else."""
    x, failed, unbegun = attempt(), attempt(update_failed=True), attempt(begun=False)
    refused = attempt(said=NO_REFRESH_REFUSED, argv=("terraform", "apply", NO_REFRESH))
    assert repeated(unbegun) == []
    assert repeated(unbegun, x) == [NO_REFRESH]
    assert repeated(x, refresh=True) == []
    assert repeated(x, failed) == []
    assert repeated(x, failed, x) == []
    assert repeated(x, refused) == []
    assert repeated(x, refused, x) == []


def test_a_replacement_that_nothing_tells_the_end_of_is_not_asked_for_again():
    """A log among terraform's reports may tell anything."""
    with pytest.raises(NotRetriedError, match="TF_LOG"):
        repeated(attempt(is_cut=True), attempt(), arguments=["-replace=a.b"])
    assert repeated(attempt(is_cut=True), attempt()) == [NO_REFRESH]

from __future__ import annotations

from collections import Counter

import pytest

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Diagnosis, Finding
from tfretry.errors import NotRetriedError
from tfretry.next_argv import repeat
from tfretry.output.progress import Progress, ReportedChange
from tfretry.terraform.command import NO_REFRESH, Command
from tfretry.terraform.messages import NO_REFRESH_REFUSED


def attempt(*created, destroyed=(), summary="x", argv=(), update_failed=False, begun=True, is_cut=False):
    unexplained = Finding(address=None, summary=summary, cause=None)
    changes = [("create", address) for address in created] + [("delete", address) for address in destroyed]
    return Attempt(
        argv=argv,
        started=0.0,
        began_s=0.0,
        ended_s=1.0,
        exit_code=1,
        received_signal=None,
        diagnosis=Diagnosis(errors=1, findings=(unexplained,), unexplained=unexplained),
        progress=Progress(
            finished=[ReportedChange(action=action, address=address) for action, address in changes],
            unfinished=Counter([ReportedChange(action="update", address="a.u")] * update_failed),
            begun=begun,
            is_cut=is_cut,
        ),
        left_line_open=False,
        version=None,
    )


def repeated(*attempts, arguments=(), refresh=False):
    """Return the arguments after `apply` that follow *attempts*."""
    command = Command.of("terraform", ["apply", *arguments], {})
    return list(repeat(command, attempts, refresh=refresh).argv[2:])


def test_a_repeated_apply_omits_the_refresh_and_completed_replacements():
    """A replacement is complete when its new object exists, in whichever attempt it was created."""
    arguments = ["-replace=a.b", "-replace=c.d", "-replace=e.f"]
    first, second = attempt("a.b"), attempt("e.f")
    assert repeated(first, arguments=arguments) == [NO_REFRESH, "-replace=c.d", "-replace=e.f"]
    assert repeated(first, second, arguments=arguments) == [NO_REFRESH, "-replace=c.d"]


def test_a_replacement_whose_creation_failed_is_repeated():
    """Its new object does not exist yet."""
    assert repeated(attempt(destroyed=["a.b"]), arguments=["-replace=a.b"]) == [NO_REFRESH, "-replace=a.b"]


def test_a_repeated_apply_refreshes_if_it_must():
    """If the user asks for it, after an attempt that changed nothing, and ever after a failed update or a refusal."""
    changed, update_failed, unchanged = attempt(), attempt(update_failed=True), attempt(begun=False)
    refused = attempt(summary=NO_REFRESH_REFUSED, argv=("terraform", "apply", NO_REFRESH))
    assert repeated(unchanged) == []
    assert repeated(unchanged, changed) == [NO_REFRESH]
    assert repeated(changed, refresh=True) == []
    assert repeated(changed, update_failed) == []
    assert repeated(changed, update_failed, changed) == []
    assert repeated(changed, refused) == []
    assert repeated(changed, refused, changed) == []


def test_a_replacement_is_not_repeated_if_a_log_interrupts_the_reports():
    """Lines of TF_LOG may look like terraform's reports. Without -replace the retry only refreshes."""
    with pytest.raises(NotRetriedError, match="TF_LOG"):
        repeated(attempt(is_cut=True), attempt(), arguments=["-replace=a.b"])
    assert repeated(attempt(is_cut=True), attempt()) == []

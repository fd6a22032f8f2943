from __future__ import annotations

import os

import pytest

from tfretry.terraform.recursion import VARIABLE, is_retried_above, remember_start, started_already

CALL = ["-chdir=x", "apply", "-var=token=s3cret"]


def inside(*calls):
    """Return the environment inside a tfretry for each of *calls*, which are a binary and its arguments."""
    environ = {}
    for binary, *arguments in calls:
        remember_start(binary, arguments, environ)
    return environ


def test_a_call_is_recognised_and_no_other():
    """By its arguments and their order."""
    environ = inside(("/bin/terraform", *CALL))
    assert started_already(CALL, environ) == ("/bin/terraform",)
    for other in ([], CALL[:2], [*CALL, ""], CALL[::-1], ["-chdir=x apply", *CALL[2:]]):
        assert started_already(other, environ) == ()
    assert started_already(CALL, {}) == ()


def test_another_folder_is_another_call(tmp_path, monkeypatch):
    """Even with the same arguments."""
    environ = inside(("/bin/terraform", *CALL))
    monkeypatch.chdir(tmp_path)
    assert started_already(CALL, environ) == ()
    assert not is_retried_above(CALL, environ)


def test_a_folder_that_was_removed_is_no_error(tmp_path, monkeypatch):
    """Terraform reports it."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert started_already(CALL, inside(("./terraform", *CALL))) == ("./terraform",)


def test_all_binaries_of_one_call_are_remembered():
    """Otherwise two wrappers that both call us would be started in turn, for ever."""
    environ = inside(("/a/terraform", *CALL), ("/b/terraform", *CALL))
    assert started_already(CALL, environ) == ("/a/terraform", "/b/terraform")
    assert started_already(["plan"], inside(("/a/terraform", *CALL), ("/b/terraform", "plan"))) == ("/b/terraform",)


@pytest.mark.parametrize("binary", ["/a:b/terraform", "/a%3Ab/terraform", os.fsdecode(b"/\xff\n/terraform")])
def test_any_path_is_remembered(binary):
    """Also one with the separator of the variable."""
    assert started_already(CALL, inside((binary, *CALL))) == (binary,)


def test_arguments_are_never_in_the_variable():
    """They may be secrets."""
    assert "s3cret" not in inside(("/bin/terraform", *CALL))[VARIABLE]


def test_at_a_depth_of_ten_every_call_is_recognised():
    """A wrapper that adds an argument each time never repeats a call."""
    calls = [("/bin/terraform", "apply", *"x" * number) for number in range(10)]
    assert started_already(["plan"], inside(*calls[:9])) == ()
    assert started_already(["plan"], inside(*calls)) == ("/bin/terraform",)
    assert is_retried_above(["plan"], inside(*calls))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (CALL, True),
        ([*CALL, "-no-color"], True),
        (["-chdir=x", "apply", "-no-color", "-lock=false", *CALL[2:]], True),
        (["-help", *CALL], True),
        (["-chdir=y", "apply", *CALL[2:]], False),
        (CALL[:2], False),
        (["-chdir=x", "-help", "apply", "-no-color", *CALL[2:]], False),
    ],
)
def test_a_call_with_inserted_arguments_is_retried_by_the_outer_tfretry(inner, expected):
    """A wrapper inserts them in one place."""
    assert is_retried_above(inner, inside(("/bin/terraform", *CALL))) is expected


@pytest.mark.parametrize("text", ["", "x", "1", "1:", ":::", "1:x-y:/z", "-1:2-a:/z", "a:1-b:/z"])
def test_a_value_of_the_variable_that_is_not_ours_is_ignored(text):
    """Anybody may have set it."""
    environ = {VARIABLE: text}
    assert started_already(CALL, environ) == ()
    assert not is_retried_above(CALL, environ)
    remember_start("/bin/terraform", CALL, environ)
    assert environ[VARIABLE].startswith("1:")

from __future__ import annotations

import os

import pytest

from tfretry.terraform.recursion import VARIABLE, is_retried_above, remember_start, started_already

APPLY = ["-chdir=x", "apply", "-var=token=s3cret"]


def inside(*calls):
    """Return the environment inside a tfretry for each of *calls*, which are a binary and its arguments."""
    environ = {}
    for binary, *arguments in calls:
        remember_start(binary, arguments, environ)
    return environ


def test_a_call_is_recognised_and_no_other():
    """By its arguments and their order."""
    environ = inside(("/bin/terraform", *APPLY))
    assert started_already(APPLY, environ) == ("/bin/terraform",)
    for other in ([], APPLY[:2], [*APPLY, ""], APPLY[::-1], ["-chdir=x apply", *APPLY[2:]]):
        assert started_already(other, environ) == ()
    assert started_already(APPLY, {}) == ()


def test_another_folder_is_another_call(tmp_path, monkeypatch):
    """Even with the same arguments."""
    environ = inside(("/bin/terraform", *APPLY))
    monkeypatch.chdir(tmp_path)
    assert started_already(APPLY, environ) == ()
    assert not is_retried_above(APPLY, environ)


def test_a_folder_that_was_removed_is_no_error(tmp_path, monkeypatch):
    """Terraform reports it."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert started_already(APPLY, inside(("./terraform", *APPLY))) == ("./terraform",)


def test_all_binaries_of_one_call_are_remembered():
    """Otherwise two wrappers that both call us would be started in turn, for ever."""
    environ = inside(("/a/terraform", *APPLY), ("/b/terraform", *APPLY))
    assert started_already(APPLY, environ) == ("/a/terraform", "/b/terraform")
    assert started_already(["plan"], inside(("/a/terraform", *APPLY), ("/b/terraform", "plan"))) == ("/b/terraform",)


@pytest.mark.parametrize("binary", ["/a:b/terraform", "/a%3Ab/terraform", os.fsdecode(b"/\xff\n/terraform")])
def test_any_path_is_remembered(binary):
    """Also one with the separator of the variable."""
    assert started_already(APPLY, inside((binary, *APPLY))) == (binary,)


def test_arguments_are_never_in_the_variable():
    """They may be secrets."""
    assert "s3cret" not in inside(("/bin/terraform", *APPLY))[VARIABLE]


def test_at_a_depth_of_ten_every_call_is_recognised():
    """A wrapper that adds an argument each time never repeats a call."""
    calls = [("/bin/terraform", "apply", *"x" * number) for number in range(10)]
    assert started_already(["plan"], inside(*calls[:9])) == ()
    assert started_already(["plan"], inside(*calls)) == ("/bin/terraform",)
    assert is_retried_above(["plan"], inside(*calls))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (APPLY, True),
        ([*APPLY, "-no-color"], True),
        (["-chdir=x", "apply", "-no-color", "-lock=false", *APPLY[2:]], True),
        (["-help", *APPLY], True),
        (["-chdir=y", "apply", *APPLY[2:]], False),
        (APPLY[:2], False),
        (["-chdir=x", "-help", "apply", "-no-color", *APPLY[2:]], False),
    ],
)
def test_a_call_with_inserted_arguments_is_retried_by_the_outer_tfretry(inner, expected):
    """A wrapper inserts them in one place."""
    assert is_retried_above(inner, inside(("/bin/terraform", *APPLY))) is expected


@pytest.mark.parametrize("text", ["", "x", "1", "1:", ":::", "1:x-y:/z", "-1:2-a:/z", "a:1-b:/z"])
def test_a_value_of_the_variable_that_is_not_ours_is_ignored(text):
    """Anybody may have set it."""
    environ = {VARIABLE: text}
    assert started_already(APPLY, environ) == ()
    assert not is_retried_above(APPLY, environ)
    remember_start("/bin/terraform", APPLY, environ)
    assert environ[VARIABLE].startswith("1:")

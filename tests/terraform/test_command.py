from __future__ import annotations

import os

import pytest

from tfretry.terraform.address import plain_address
from tfretry.terraform.command import Command, redacted


def command(*argv, **environ):
    return Command.of("/bin/terraform", argv, environ)


def test_the_first_attempt_is_the_command_of_the_user():
    """No argument is added, changed or moved."""
    assert command("-chdir=x", "apply", "-var", "a=b", "").argv == [
        "/bin/terraform",
        "-chdir=x",
        "apply",
        "-var",
        "a=b",
        "",
    ]


def test_a_retry_skips_the_refresh_right_after_the_word_apply():
    """The failed apply has just done it; nothing else changes."""
    retry = command("-chdir=x", "apply", "-auto-approve").retry_argv(refresh=False, replaced=())
    assert retry == ["/bin/terraform", "-chdir=x", "apply", "-refresh=false", "-auto-approve"]


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        (["--refresh=false"], {}, ["--refresh=false"]),
        (["-refresh=true", "-refresh=0"], {}, ["-refresh=true", "-refresh=0"]),
        ([], {"TF_CLI_ARGS_apply": "-refresh=false"}, []),
        (["-refresh=true", "-json"], {}, ["-refresh=false", "-json"]),
        (["-refresh"], {}, ["-refresh=false"]),
        (["-refresh=false", "-refresh=true"], {}, ["-refresh=false"]),
        ([], {"TF_CLI_ARGS_apply": "-refresh=true"}, ["-refresh=false"]),
        (["-minimal-refresh"], {}, ["-minimal-refresh"]),
        (["-minimal-refresh=false"], {}, ["-refresh=false", "-minimal-refresh=false"]),
    ],
)
def test_a_retry_respects_the_users_own_options_of_refreshing(arguments, environ, expected):
    """Except `-refresh=true`, which is the default, and which terraform-exec always writes."""
    retry = command("apply", *arguments, **environ).retry_argv(refresh=False, replaced=())
    assert retry == ["/bin/terraform", "apply", *expected]


@pytest.mark.parametrize("arguments", [[], ["-refresh=true"]])
def test_a_retry_that_refreshes_is_the_same_command(arguments):
    """With --refresh-on-retry, or if the failed apply saved no state."""
    retry = command("apply", *arguments).retry_argv(refresh=True, replaced=())
    assert retry == ["/bin/terraform", "apply", *arguments]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["-replace=a.b", "-replace=c.d"], ["-replace=c.d"]),
        (["-replace", "a.b", "-auto-approve"], ["-auto-approve"]),
        (["--replace= a.b ", "x"], ["x"]),
        (["-var", "-replace=a.b"], ["-var", "-replace=a.b"]),
        (["-replace=c.d"], ["-replace=c.d"]),
        (["-replace", "-no-color", "a.b"], ["-no-color"]),
        (["-replace"], ["-replace"]),
    ],
)
def test_a_finished_replacement_is_not_repeated(arguments, kept):
    """`-replace` would replace the new object once more."""
    retry = command("apply", *arguments).retry_argv(refresh=True, replaced={"a.b"})
    assert retry == ["/bin/terraform", "apply", *kept]


def test_replace_from_the_environment_cannot_be_repeated():
    """It cannot be removed without changing the environment."""
    assert "-replace" in command("apply", TF_CLI_ARGS="-replace=a.b").unrepeatable()


def test_a_variable_file_that_can_be_read_only_once_is_not_repeatable(tmp_path):
    """A FIFO is empty the second time, and terraform would fall back to defaults."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    assert "not a regular file" in command("apply", f"-var-file={tmp_path / 'fifo'}").unrepeatable()
    assert "not a regular file" in command(f"-chdir={tmp_path}", "apply", "-var-file", "fifo").unrepeatable()
    assert command("apply", f"-var-file={tmp_path / 'file'}").unrepeatable() is None
    assert command("apply", "-var-file=missing").unrepeatable() is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Create a file of each kind that a positional argument may name, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my plan").write_bytes(b"PK\x03\x04, and so on")
    (tmp_path / "bookmark").write_text('{"remote_plan_format":1,"run_id":"run-a","hostname":"app.terraform.io"}')
    (tmp_path / "encrypted").write_text('{"meta":{},"encrypted_data":"x"}')
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "plan_file"),
    [
        (["-lock=false", "my plan"], "my plan"),
        (["my plan", "-no-color"], "my plan"),
        (["my plan", "-concise"], "my plan"),
        (["my plan", "-consolidate-errors=false", "-deprecation=module:none"], "my plan"),
        (["my plan", "-auto-approve"], "my plan"),
        (["-invoke", "action.a.b", "my plan"], "my plan"),
        (["-unheard-of", "my plan"], "my plan"),
        (["bookmark"], "bookmark"),
        (["encrypted"], "encrypted"),
        (["-invoke", "action.a.b"], None),
        (["-deprecation", "module:all", "-lint", "r", "-include", "a.b", "-policies", "p"], None),
        (["folder"], None),
        ([""], None),
        ([], None),
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_plan_file_is_found_among_the_arguments(arguments, plan_file):
    """It is neither the value of an option nor a directory (which terraform 0.11 to 0.14 accepts)."""
    found = command("apply", *arguments)
    assert (found.plan_file, found.unclear_argument) == (plan_file, None)


@pytest.mark.parametrize(
    ("arguments", "clause"),
    [
        (["missing"], "the argument missing is neither a file nor a directory"),
        (["-unheard-of", "value"], "the argument value is neither"),
        (["fifo"], "the argument fifo is neither"),
        (["/dev/null"], "the argument /dev/null is neither"),
        (["my plan", "bookmark"], "which of the 2 positional arguments"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_any_other_positional_argument_is_not_repeatable(arguments, clause):
    """It may be the value of an option that we do not know, or a plan that can be read only once."""
    found = command("apply", *arguments)
    assert found.plan_file is None
    assert clause in found.unrepeatable()


def test_a_plan_file_is_looked_for_in_terraforms_working_directory(folder, tmp_path_factory, monkeypatch):
    """In that of `-chdir`, before the first attempt: it may be removed later."""
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    found = command(f"-chdir={folder}", "apply", "my plan")
    (folder / "my plan").unlink()
    assert (found.plan_file, found.unrepeatable()) == ("my plan", None)


@pytest.mark.usefixtures("folder")
def test_a_plan_file_in_the_environment_is_not_repeatable():
    """It cannot be replaced without changing the environment."""
    found = command("apply", TF_CLI_ARGS_apply="'my plan'")
    assert found.plan_file is None
    assert "TF_CLI_ARGS" in found.unrepeatable()
    assert command("apply", TF_CLI_ARGS_apply="folder").unrepeatable() is None


def test_addresses_compare_without_white_space_outside_quotes():
    """Terraform prints addresses without it."""
    assert plain_address(' a.b[ "x y" ] ') == 'a.b["x y"]'


@pytest.mark.parametrize(
    "given", [r'k.k["\u00e9"]', 'k.k[ "é" ]', 'k.k["e\u0301"]', r'k.k["\U000000e9"]', ' k . k["é"]']
)
def test_replace_is_compared_as_an_address(given):
    """Its key may be written with escapes, or with combining characters."""
    argv = command("apply", f"-replace={given}", "-replace", given).retry_argv(
        refresh=True, replaced={plain_address('k.k["é"]')}
    )
    assert argv == ["/bin/terraform", "apply"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r'k["a\"b"]', 'k["ab"]'),
        ("k[0]", 'k["0"]'),
        ('k["a b"]', 'k["ab"]'),
        (r'k["\n"]', 'k["n"]'),
        ('k["a', 'k["a"]'),
    ],
)
def test_different_addresses_stay_different(one, other):
    """White space and other characters in a key belong to it."""
    assert plain_address(one) != plain_address(other)


def test_addresses_compare_with_terraforms_own_escapes():
    """It prints `${` as `$${`."""
    assert plain_address('k["$${a}%%{b}"]') == plain_address(r'k["\u0024{a}\u0025{b}"]')


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["apply", "-var=token=s3cret=x"], ["apply", "-var=token=***"]),
        (["apply", "--var", "token=s3cret", "p"], ["apply", "--var", "token=***", "p"]),
        (["apply", "-var-file=x"], ["apply", "-var-file=x"]),
        (["apply", "-var"], ["apply", "-var"]),
        (["apply", "var=x"], ["apply", "var=x"]),
        (["apply", "-var", "-no-color", "token=s3cret"], ["apply", "-var", "-no-color", "token=***"]),
        (["apply", "-var", "-concise", "token=s3cret"], ["apply", "-var", "-concise", "token=***"]),
        (["apply", "p", "-var", "token=s3cret"], ["apply", "p", "-var", "token=***"]),
        (["apply", "--", "-var=token=s3cret"], ["apply", "--", "-var=token=***"]),
        (["apply", "-unheard-of", "-var", "token=s3cret"], ["apply", "-unheard-of", "-var", "token=***"]),
    ],
)
def test_values_of_variables_are_redacted(argv, shown):
    """They may be secrets."""
    assert redacted(argv) == shown


def test_state_out_is_not_repeatable():
    """A second run would read the old state, and create everything again."""
    assert "-state-out" in command("apply", "-state-out=x").unrepeatable()
    assert "-state-out" in command("apply", TF_CLI_ARGS="-state-out x").unrepeatable()


def test_an_action_is_not_invoked_again():
    """Terraform does not report whether it has run."""
    assert "-invoke" in command("apply", "-invoke=action.a.b").unrepeatable()
    assert "-invoke" in command("apply", "-invoke", "action.a.b").unrepeatable()


def test_dev_null_as_a_variable_file_is_repeatable():
    """Scripts write `-var-file=${FILE:-/dev/null}`."""
    assert command("apply", "-var-file=/dev/null").unrepeatable() is None


def test_another_plan_file_takes_the_same_place(folder):
    """The other arguments do not change."""
    (folder / "-p").write_bytes(b"PK\x03\x04")
    argv = command(f"-chdir={folder}", "apply", "-lock=false", "--", "-p", "-no-color").apply_argv("/new")
    assert argv == ["/bin/terraform", f"-chdir={folder}", "apply", "-lock=false", "--", "/new", "-no-color"]
    assert command("apply", "my plan", "-auto-approve").apply_argv("/new")[2:] == ["/new", "-auto-approve"]


def test_planning_has_the_planning_options_of_line_and_environment():
    """Other options are for the apply only."""
    given = command("apply", "-lock=false", "-var", "a=b", "-backup=x", "p", TF_CLI_ARGS_apply="-state=s -json")
    assert given.planning_options == ["-state=s", "-lock=false", "-var=a=b"]

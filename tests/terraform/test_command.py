from __future__ import annotations

import os

import pytest

from tfretry.terraform.command import Command, plain_address, redacted


def command(*argv, **environ):
    return Command.of("/bin/terraform", argv, environ)


def test_the_first_attempt_is_what_the_user_gave():
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
    """The failed apply has just refreshed; nothing else changes."""
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
def test_what_the_user_says_about_refreshing(arguments, environ, expected):
    """`-refresh=false` stands; `-refresh=true`, which terraform-exec always writes, says nothing."""
    retry = command("apply", *arguments, **environ).retry_argv(refresh=False, replaced=())
    assert retry == ["/bin/terraform", "apply", *expected]


def test_a_retry_that_refreshes_is_the_same_command():
    """Also where it says `-refresh=true`."""
    retry = command("apply", "-refresh=true").retry_argv(refresh=True, replaced=())
    assert retry == ["/bin/terraform", "apply", "-refresh=true"]


def test_refresh_on_retry_adds_nothing():
    """With it, a retry is the same command."""
    assert command("apply").retry_argv(refresh=True, replaced=()) == ["/bin/terraform", "apply"]


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
def test_a_replacement_that_is_done_is_not_asked_for_again(arguments, kept):
    """`-replace` would replace the new object once more."""
    retry = command("apply", *arguments).retry_argv(refresh=True, replaced={"a.b"})
    assert retry == ["/bin/terraform", "apply", *kept]


def test_replace_from_the_environment_cannot_be_repeated():
    """It cannot be left out without changing the environment."""
    assert "-replace" in command("apply", TF_CLI_ARGS="-replace=a.b").unrepeatable()


def test_a_variable_file_that_can_be_read_only_once_is_not_repeatable(tmp_path):
    """A FIFO is empty the second time, and terraform would fall back to defaults."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    assert "only once" in command("apply", f"-var-file={tmp_path / 'fifo'}").unrepeatable()
    assert "only once" in command(f"-chdir={tmp_path}", "apply", "-var-file", "fifo").unrepeatable()
    assert command("apply", f"-var-file={tmp_path / 'file'}").unrepeatable() is None
    assert command("apply", "-var-file=missing").unrepeatable() is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What a positional argument may name, in the current folder."""
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
def test_a_plan_file_is_a_positional_argument_that_may_be_one(arguments, plan_file):
    """Views and values that stand apart are none; nor is a directory (0.11 to 0.14)."""
    found = command("apply", *arguments)
    assert (found.plan_file, found.misplaced) == (plan_file, None)


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
    """It may be a value of an option that we do not know, or a plan that can be read once."""
    found = command("apply", *arguments)
    assert found.plan_file is None
    assert clause in found.unrepeatable()


def test_a_plan_file_is_looked_for_where_terraform_works(folder):
    """In the directory of `-chdir`; what it was before the first attempt holds."""
    found = command(f"-chdir={folder}", "apply", "my plan")
    (folder / "my plan").unlink()
    assert found.plan_file == "my plan"


@pytest.mark.usefixtures("folder")
def test_a_plan_file_of_the_environment_is_recognised_and_not_repeatable():
    """It cannot be exchanged without changing the environment."""
    found = command("apply", TF_CLI_ARGS_apply="'my plan'")
    assert found.plan_file is None
    assert "TF_CLI_ARGS" in found.unrepeatable()
    assert command("apply", TF_CLI_ARGS_apply="folder").unrepeatable() is None


def test_addresses_compare_without_white_space_outside_quotes():
    """Terraform's own rendering has none."""
    assert plain_address(' a.b[ "x y" ] ') == 'a.b["x y"]'


@pytest.mark.parametrize(
    "given", [r'k.k["\u00e9"]', 'k.k[ "é" ]', 'k.k["e\u0301"]', r'k.k["\U000000e9"]', ' k . k["é"]']
)
def test_replace_is_compared_as_an_address(given):
    """However its key is written: by its escapes, or in characters that Unicode composes."""
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
def test_other_addresses_stay_other(one, other):
    """White space and signs within a key are the key's."""
    assert plain_address(one) != plain_address(other)


def test_what_terraform_escapes_is_the_same():
    """In its own rendering `${` is `$${`."""
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
def test_values_of_variables_are_covered(argv, shown):
    """They may be secrets."""
    assert redacted(argv) == shown


def test_a_state_that_is_written_elsewhere_is_not_repeatable():
    """A second run would read the old one, and create everything again."""
    assert "-state-out" in command("apply", "-state-out=x").unrepeatable()
    assert "-state-out" in command("apply", TF_CLI_ARGS="-state-out x").unrepeatable()


def test_an_action_is_not_invoked_again():
    """Nothing tells whether it has run."""
    assert "-invoke" in command("apply", "-invoke=action.a.b").unrepeatable()
    assert "-invoke" in command("apply", "-invoke", "action.a.b").unrepeatable()


def test_an_empty_variable_file_is_read_as_often_as_one_likes():
    """`-var-file=${FILE:-/dev/null}` is how scripts say that there is none."""
    assert command("apply", "-var-file=/dev/null").unrepeatable() is None


def test_a_plan_file_is_exchanged_where_it_stands(folder):
    """The other arguments stay as they are."""
    (folder / "-p").write_bytes(b"PK\x03\x04")
    exchanged = command(f"-chdir={folder}", "apply", "-lock=false", "--", "-p", "-no-color").apply_argv("/new")
    assert exchanged == ["/bin/terraform", f"-chdir={folder}", "apply", "-lock=false", "--", "/new", "-no-color"]
    assert command("apply", "my plan", "-auto-approve").apply_argv("/new")[2:] == ["/new", "-auto-approve"]


def test_planning_has_the_options_of_the_apply_and_of_the_environment():
    """Those that planning knows; the others are for the apply alone."""
    given = command("apply", "-lock=false", "-var", "a=b", "-backup=x", "p", TF_CLI_ARGS_apply="-state=s -json")
    assert given.planning_options == ["-state=s", "-lock=false", "-var=a=b"]

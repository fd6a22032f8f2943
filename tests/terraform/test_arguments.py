from __future__ import annotations

import pytest

from tfretry.terraform.arguments import (
    apply_options,
    chdir,
    is_retriable_apply,
    misplaced_option,
    subcommand_index,
)


@pytest.mark.parametrize(
    ("argv", "index"),
    [
        (["apply"], 0),
        (["-chdir=sub", "apply"], 1),
        (["-chdir=apply", "plan"], 1),
        (["-help"], None),
        (["", "apply"], 1),
        (["--", "apply"], None),
        ([], None),
    ],
)
def test_the_subcommand_is_the_first_argument_that_is_no_option(argv, index):
    """As terraform's own parser has it."""
    assert subcommand_index(argv) == index


def test_chdir_is_read_before_the_subcommand_only():
    """After the subcommand `-chdir` is an unknown option of the subcommand."""
    assert chdir(["-chdir=a b", "apply"]) == "a b"
    assert chdir(["apply", "-chdir=x"]) is None
    assert chdir(["-chdir=x"]) == "x"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--nonsense", "apply"], "--nonsense"),
        (["-chdir=x", "--timeout=5s", "apply"], "--timeout=5s"),
        (["--help"], None),
        (["--version"], None),
        (["-install-autocomplete", "--install-autocomplete"], None),
        (["apply", "--auto-approve"], None),
        (["--", "--x"], None),
        ([], None),
    ],
)
def test_an_unknown_long_option_before_the_subcommand_is_misuse(argv, expected):
    """Terraform accepts none there, so it was meant for us."""
    assert misplaced_option(argv) == expected


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["tfplan"], [("", "tfplan")]),
        (["-var", "a=b", "tfplan"], [("var", "a=b"), ("", "tfplan")]),
        (["--var=a=b", "-auto-approve"], [("var", "a=b"), ("auto-approve", None)]),
        (["tfplan", "-no-color"], [("", "tfplan")]),
        (["--", "-odd name"], [("", "-odd name")]),
        (["a", "-json"], [("", "a"), ("", "-json")]),
        (["-target"], [("target", None)]),
    ],
)
def test_options_of_apply_are_read_as_go_reads_them(arguments, options):
    """A positional argument ends the options; the view's own options stand anywhere."""
    assert list(apply_options(arguments)) == options


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (["apply"], {}, True),
        (["-chdir=sub", "apply", "-auto-approve"], {}, True),
        (["apply", "-destroy=false"], {}, True),
        (["apply", "-destroy", "-destroy=false"], {}, True),
        (["apply", "tfplan"], {}, True),
        (["apply", "-destroy"], {}, False),
        (["apply", "--destroy=true"], {}, False),
        (["apply", "-refresh-only"], {}, False),
        (["apply", "-help"], {}, False),
        (["apply", "-h"], {}, False),
        (["-help", "apply"], {}, False),
        (["apply", "-version"], {}, False),
        (["-v", "apply"], {}, False),
        (["plan"], {}, False),
        (["destroy"], {}, False),
        (["applyy"], {}, False),
        ([], {}, False),
        (["apply"], {"TF_CLI_ARGS_apply": "-destroy"}, False),
        (["apply"], {"TF_CLI_ARGS": "-refresh-only"}, False),
        (["apply"], {"TF_CLI_ARGS": "-help"}, False),
        (["apply", "-destroy=false"], {"TF_CLI_ARGS": "-destroy"}, True),
        (["apply"], {"TF_CLI_ARGS": "'unbalanced"}, False),
        (["apply"], {"TF_CLI_ARGS_plan": "-destroy"}, True),
    ],
)
def test_only_an_apply_that_can_meet_the_error_is_retried(argv, environ, expected):
    """Anything else becomes terraform at once."""
    assert is_retriable_apply(argv, environ) is expected

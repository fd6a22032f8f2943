from __future__ import annotations

import pytest

from tfretry.terraform.arguments import (
    apply_options,
    chdir,
    is_retriable_apply,
    misplaced_option,
    subcommand_index,
)
from tfretry.terraform.words import TAKES_VALUE


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
        (["tfplan", "-no-color"], [("", "tfplan"), ("no-color", None)]),
        (["--", "-odd name"], [("", "-odd name")]),
        (["a", "-json"], [("", "a"), ("json", None)]),
        (["-target"], [("target", None)]),
        (["-var", "-concise", "a=b"], [("concise", None), ("var", "a=b")]),
        (["tfplan", "-concise"], [("", "tfplan"), ("concise", None)]),
        (["tfplan", "-consolidate-errors=true"], [("", "tfplan"), ("consolidate-errors", "true")]),
        (["tfplan", "-deprecation=module:all"], [("", "tfplan"), ("deprecation", "module:all")]),
        (["--", "p", "-concise"], [("", "p"), ("concise", None)]),
    ],
)
def test_options_of_apply_are_read_as_terraform_and_opentofu_read_them(arguments, options):
    """The view's own options are taken out first; OpenTofu 1.13 takes all others behind the plan file, too."""
    assert list(apply_options(arguments)) == options


@pytest.mark.parametrize("name", sorted(TAKES_VALUE))
def test_a_value_that_stands_apart_is_no_positional_argument(name):
    """With one dash or two, before a plan file or none."""
    assert list(apply_options([f"-{name}", "v", "tfplan"])) == [(name, "v"), ("", "tfplan")]
    assert list(apply_options([f"--{name}", "v"])) == [(name, "v")]


@pytest.mark.parametrize("name", [*sorted(TAKES_VALUE), "unheard-of"])
@pytest.mark.parametrize("destroy", ["-destroy", "--destroy", "-destroy=true", "-refresh-only"])
def test_what_could_be_a_destroy_is_not_retried(name, destroy):
    """Wherever it stands, and whatever takes a value that we do not know."""
    assert not is_retriable_apply(["apply", f"-{name}", "v", destroy], {})
    assert not is_retriable_apply(["apply", f"-{name}", destroy], {})
    assert not is_retriable_apply(["apply", destroy, f"-{name}", f"{destroy.partition('=')[0]}=false"], {})
    assert not is_retriable_apply(["apply", "tfplan", destroy], {})
    assert is_retriable_apply(["apply", f"-{name}", "v"], {})


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

from __future__ import annotations

import re
import subprocess

import pytest

from tfretry.terraform.arguments import (
    chdir,
    is_retriable_apply,
    misplaced_option,
    subcommand_index,
)
from tfretry.terraform.words import SWITCHES, TAKES_VALUE, words


def named_words(arguments):
    return [(word.name, word.value) for word in words(arguments)]


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
def test_the_subcommand_is_the_first_argument_that_is_not_an_option(argv, index):
    """As in terraform's own parser."""
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
    """The options of the view are removed first; OpenTofu 1.13 also accepts all others after the plan file."""
    assert named_words(arguments) == options


# Of "-lock=false", "-var 'foo=bar'" and "-destroy": the name, and the example of a value.
OPTION_IN_HELP = re.compile(r"^  -([a-z-]+)(?:[= ]'?([^\s']+))?", re.MULTILINE)
PLAN_ONLY = {"detailed-exitcode", "generate-config-out", "out"}


def test_every_option_in_terraforms_help_is_known(real_terraform):
    """An option that is missing in our tables could make a value look like a plan file."""
    found = {}
    for subcommand in ("apply", "plan"):
        text = subprocess.run([real_terraform, subcommand, "-help"], capture_output=True, check=True, text=True).stdout
        found |= dict(OPTION_IN_HELP.findall(text))
    boolean = {name for name, example in found.items() if example in ("", "true", "false")} - PLAN_ONLY
    assert {"auto-approve", "lock", "refresh"} <= boolean <= SWITCHES
    assert {"var", "target", "lock-timeout"} <= found.keys() - boolean - PLAN_ONLY <= TAKES_VALUE


@pytest.mark.parametrize("name", sorted(TAKES_VALUE))
def test_a_value_in_the_next_argument_is_not_positional(name):
    """The option may have one dash or two."""
    assert named_words([f"-{name}", "v", "tfplan"]) == [(name, "v"), ("", "tfplan")]
    assert named_words([f"--{name}", "v"]) == [(name, "v")]


@pytest.mark.parametrize("name", [*sorted(TAKES_VALUE), "unheard-of"])
@pytest.mark.parametrize("destroy", ["-destroy", "--destroy", "-destroy=true", "-refresh-only"])
def test_a_possible_destroy_is_not_retried(name, destroy):
    """Even if it may be the value of an option that we do not know."""
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
def test_only_an_apply_that_can_fail_with_the_error_is_retried(argv, environ, expected):
    """For anything else, terraform replaces us at once."""
    assert is_retriable_apply(argv, environ) is expected

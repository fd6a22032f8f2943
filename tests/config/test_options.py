from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tfretry.config.help import help_text
from tfretry.config.options import ACTIONS, OPTIONS, requested_actions, split_argv, wanted_terraform
from tfretry.config.settings import Settings
from tfretry.errors import TfretryError
from tfretry.report.reporter import IN_AUTOMATION

HELP = help_text()


def test_the_help_names_the_variables_of_ci_systems():
    """There is no countdown where one of them is set."""
    assert [name for name in IN_AUTOMATION if name not in HELP] == []


README = (Path(__file__).parents[2] / "README.md").read_text()


def parsed(*argv):
    """Our options by name and value, and the rest."""
    given, rest = split_argv(argv)
    return [(option.name, value) for option, value in given], rest


@pytest.mark.parametrize(
    ("argv", "given", "rest"),
    [
        (["apply"], [], ["apply"]),
        (["--timeout", "5s", "apply", "-auto-approve"], [("--timeout", "5s")], ["apply", "-auto-approve"]),
        (["--timeout=5s", "--quiet", "apply"], [("--timeout", "5s"), ("--quiet", None)], ["apply"]),
        (["--quiet=false", "apply"], [("--quiet", "false")], ["apply"]),
        (["--report=a=b"], [("--report", "a=b")], []),
        (["--report="], [("--report", "")], []),
        (["--retry-on", "--odd", "apply"], [("--retry-on", "--odd")], ["apply"]),
        (["-chdir=x", "--quiet", "apply"], [], ["-chdir=x", "--quiet", "apply"]),
        (["--quiet", "--", "--quiet"], [("--quiet", None)], ["--", "--quiet"]),
        (["--", "--", "apply"], [], ["--", "--", "apply"]),
        (["-version"], [], ["-version"]),
        (["apply", "--quiet"], [], ["apply", "--quiet"]),
        (["--timeout"], [("--timeout", None)], []),
        (["--time", "5s", "apply"], [], ["--time", "5s", "apply"]),
        ([], [], []),
    ],
)
def test_our_options_end_at_the_first_token_that_is_not_ours(argv, given, rest):
    """`--opt value` and `--opt=value` are the same; no abbreviation is ours: it might mean something to terraform."""
    assert parsed(*argv) == (given, rest)


@pytest.mark.parametrize("argv", [["--timeout"], ["--help=x"], ["--quiet", "--retry-on"]])
def test_a_value_that_is_missing_or_too_many_is_an_error(argv):
    """The error names the option."""
    with pytest.raises(TfretryError, match=rf"^{argv[-1].partition('=')[0]} (needs a|takes no) value"):
        requested_actions(split_argv(argv)[0])


@pytest.mark.parametrize("option", [*OPTIONS, *ACTIONS], ids=lambda option: option.name)
def test_the_readme_and_the_help_have_each_option_as_the_table_has_it(option):
    """Its name, its value, its variable and its default."""
    row = next(line for line in README.splitlines() if line.startswith(f"| `{option.name}"))
    name, variable, default, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
    assert name.replace("\\", "") == f"`{option.name}{' ' + option.value if option.value else ''}`"
    if option in OPTIONS:
        assert variable == f"`{option.variable}`"
        assert default.replace("`", "") == (option.default or ("none" if option.value else "off"))
        assert option.variable in HELP
    assert re.search(rf"^ +{option.name}{' ' + re.escape(option.value) if option.value else ''}$", HELP, re.MULTILINE)


def test_each_option_has_a_parser():
    """Except the lists, and the binary, which is found before there are settings."""
    lists = {option.key for option in OPTIONS if option.separator}
    fields_of = {each.metadata["key"] for each in fields(Settings) if each.metadata}
    assert {option.key for option in OPTIONS} - lists - {"terraform"} == fields_of


def test_the_terraform_to_run_is_named_by_option_variable_or_file(tmp_path, monkeypatch):
    """In this order. Of the file only this key is read, so that no other mistake in it stops a command."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".tfretry.toml"
    assert wanted_terraform([], {}, None) is None
    file.write_text('terraform = "tofu"\ntimeout = "never"\n')
    assert wanted_terraform([], {}, None) == "tofu"
    assert wanted_terraform([], {"TFRETRY_TERRAFORM": "a"}, None) == "a"
    given, _ = split_argv(["--terraform", "b", "--terraform=c"])
    assert wanted_terraform(given, {"TFRETRY_TERRAFORM": "a"}, None) == "c"
    file.write_text("no toml at all")
    assert wanted_terraform([], {}, None) is None
    file.write_text("terraform = 1")
    assert wanted_terraform([], {}, None) is None

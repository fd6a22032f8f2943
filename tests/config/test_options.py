from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfretry.config.help import help_text
from tfretry.config.options import ACTIONS, OPTIONS, own_pairs, split_argv, wanted_terraform
from tfretry.config.settings import PARSERS, Settings, load_settings

HELP = help_text()
README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize(
    ("argv", "own", "rest"),
    [
        (["apply"], [], ["apply"]),
        (["--timeout", "5s", "apply", "-auto-approve"], ["--timeout", "5s"], ["apply", "-auto-approve"]),
        (["--timeout=5s", "--quiet", "apply"], ["--timeout=5s", "--quiet"], ["apply"]),
        (["--retry-on", "--odd", "apply"], ["--retry-on", "--odd"], ["apply"]),
        (["-chdir=x", "--quiet", "apply"], [], ["-chdir=x", "--quiet", "apply"]),
        (["--quiet", "--", "--quiet"], ["--quiet"], ["--quiet"]),
        (["--", "--", "apply"], [], ["--", "apply"]),
        (["-version"], [], ["-version"]),
        (["apply", "--quiet"], [], ["apply", "--quiet"]),
        (["--timeout"], ["--timeout"], []),
        ([], [], []),
    ],
)
def test_our_options_end_at_the_first_token_that_is_not_ours(argv, own, rest):
    """Everything from there on is terraform's, byte for byte."""
    assert split_argv(argv) == (own, rest)


def test_an_abbreviated_option_is_not_ours():
    """No prefix of an option is taken for it: terraform might mean something by it."""
    assert split_argv(["--time", "5s", "apply"]) == ([], ["--time", "5s", "apply"])


def test_own_options_are_read_in_both_spellings():
    """`--opt value` and `--opt=value` are the same, and a switch has no value."""
    given = ["--timeout", "5s", "--report=a=b", "--quiet", "--quiet=false", "--timeout"]
    assert [(option.name, value) for option, value in own_pairs(given)] == [
        ("--timeout", "5s"),
        ("--report", "a=b"),
        ("--quiet", None),
        ("--quiet", "false"),
        ("--timeout", None),
    ]


@pytest.mark.parametrize("option", [*OPTIONS, *ACTIONS], ids=lambda option: option.name)
def test_the_readme_and_the_help_say_of_each_option_what_the_table_says(option):
    """Its name, what it takes, its variable, its default."""
    row = next(line for line in README.splitlines() if line.startswith(f"| `{option.name}"))
    name, variable, default, _ = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
    assert name.replace("\\", "") == f"`{option.name}{' ' + option.value if option.value else ''}`"
    if option in OPTIONS:
        assert variable == f"`{option.variable}`"
        assert default.replace("`", "") == (option.default or ("none" if option.value else "off"))
        assert option.variable in HELP
    assert re.search(rf"^ +{option.name}{' ' + re.escape(option.value) if option.value else ''}$", HELP, re.MULTILINE)


@pytest.mark.parametrize(
    "option", [each for each in OPTIONS if each.key in PARSERS and " " not in (each.default or " ")]
)
def test_the_default_that_the_table_tells_is_the_default(option):
    """What a reader is told, understood as an option's value, changes nothing."""
    assert load_settings([f"{option.name}={option.default}"], {}, None) == Settings()


def test_each_option_has_a_way_to_become_a_setting():
    """But for the binary, which is looked for before there are settings, and the lists."""
    lists = {option.key for option in OPTIONS if option.separator}
    assert {option.key for option in OPTIONS} - lists - {"terraform"} == set(PARSERS)


def test_an_option_beats_the_variable_and_that_beats_the_file(tmp_path, monkeypatch):
    """The exec path reads that one key alone, and no other mistake in the file stops it."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".tfretry.toml"
    assert wanted_terraform([], {}, None) is None
    file.write_text('terraform = "tofu"\ntimeout = "never"\n')
    assert wanted_terraform([], {}, None) == "tofu"
    assert wanted_terraform([], {"TFRETRY_TERRAFORM": "a"}, None) == "a"
    assert wanted_terraform(["--terraform", "b", "--terraform=c"], {"TFRETRY_TERRAFORM": "a"}, None) == "c"
    file.write_text("no toml at all")
    assert wanted_terraform([], {}, None) is None
    file.write_text("terraform = 1")
    assert wanted_terraform([], {}, None) is None

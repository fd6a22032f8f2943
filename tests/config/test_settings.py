from __future__ import annotations

import pytest

from tfretry.causes.table import TABLE
from tfretry.config.options import OPTIONS, split_argv
from tfretry.config.settings import Settings, load_settings
from tfretry.config.values import duration_s
from tfretry.errors import TfretryError


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Load settings from options, variables and the content of a file."""
    monkeypatch.chdir(tmp_path)

    def load(*argv, file=None, directory=None, **environ):
        if file is not None:
            (tmp_path / ".tfretry.toml").write_text(file)
        given, _ = split_argv(argv)
        return load_settings(given, environ, directory)

    return load


def names(loaded):
    return [cause.name for cause in loaded.causes]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("6s", 6),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h2m3s4ms", 3723.004),
        ("90", 90),
        ("1.5", 1.5),
        ("2.5s", 2.5),
        (" 6s ", 6),
        ("0", 0),
        (90, 90),
        (0.25, 0.25),
    ],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    """A number without a unit is seconds."""
    assert duration_s("--timeout", text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "six", "-5s", "5 s", "1m1h", "1e3", "nan", "inf", "9999999h", "٣s", True, None, []]
)
def test_a_bad_duration_is_refused_in_a_sentence(text):
    """The sentence names the place and an example."""
    with pytest.raises(TfretryError, match=r"^--timeout: .*expected a duration"):
        duration_s("--timeout", text)


def test_the_defaults_are_those_of_the_table_of_options(settings):
    """Each means the same as if the user had given it."""
    keys = ("timeout", "first_wait", "longest_wait", "causes")
    defaults = [f"{option.name}={option.default}" for option in OPTIONS if option.key in keys]
    assert len(defaults) == len(keys)
    assert settings() == settings(*defaults)


def test_options_override_variables_which_override_the_file(settings):
    """Each setting by itself."""
    file = 'timeout = "1m"\nfirst_wait = 3\nlongest_wait = "9s"\nquiet = true'
    loaded = settings("--timeout", "3m", file=file, TFRETRY_TIMEOUT="2m", TFRETRY_FIRST_WAIT="4s", TFRETRY_QUIET="")
    assert (loaded.timeout_s, loaded.first_wait_s, loaded.longest_wait_s, loaded.quiet) == (180, 4, 9, False)


def test_the_first_wait_may_be_zero(settings):
    """The first retry then starts at once."""
    assert settings("--first-wait", "0s").first_wait_s == 0
    assert settings(TFRETRY_FIRST_WAIT="0").first_wait_s == 0


def test_the_last_of_two_equal_options_wins(settings):
    """As with terraform's own options."""
    assert settings("--max-attempts", "2", "--max-attempts=3").max_attempts == 3


def test_the_file_in_the_directory_of_chdir_comes_before_the_one_in_the_current_folder(settings, tmp_path):
    """A root module may have a file of its own."""
    (tmp_path / "sub").mkdir()
    assert settings(file="max_attempts = 2", directory="sub").max_attempts == 2
    (tmp_path / "sub" / ".tfretry.toml").write_text("max_attempts = 5")
    assert settings(directory="sub").max_attempts == 5
    assert settings().max_attempts == 2


def test_an_empty_variable_is_ignored(settings):
    """CI systems pass on unset parameters as empty variables."""
    assert settings(TFRETRY_TIMEOUT="", TFRETRY_CAUSES=" ", TFRETRY_RETRY_ON="\n") == Settings()


@pytest.mark.parametrize("text", ["1", "true", "YES", "on"])
def test_the_usual_words_turn_a_switch_on(settings, text):
    """In variables and as values of options."""
    loaded = settings(TFRETRY_QUIET=text, TFRETRY_REFRESH_ON_RETRY=text)
    assert (loaded.quiet, loaded.refresh_on_retry) == (True, True)
    assert settings(f"--quiet={text}").quiet
    assert settings("--quiet").quiet


@pytest.mark.parametrize("text", ["0", "false", "no", "OFF", ""])
def test_the_usual_words_turn_a_switch_off(settings, text):
    """An empty value, too."""
    assert not settings(TFRETRY_QUIET=text, file="quiet = true").quiet


def test_causes_add_to_the_default(settings):
    """By option, by variable with commas, by list in the file; `all` enables those of the table that may be in it."""
    default = "ecs-service-linked-role"
    assert names(settings("--cause", "iam-propagation", "--cause=ecs-role-missing")) == [
        default,
        "iam-propagation",
        "ecs-role-missing",
    ]
    assert names(settings(TFRETRY_CAUSES="iam-propagation, ecs-role-missing"))[1:] == [
        "iam-propagation",
        "ecs-role-missing",
    ]
    assert names(settings(file='causes = ["iam-propagation"]')) == [default, "iam-propagation"]
    assert sorted(names(settings("--cause", "all"))) == sorted(cause.name for cause in TABLE if cause.in_all)


def test_patterns_of_the_user_are_causes(settings):
    """`--retry-on`, its variable with one pattern per line, and tables with a name in the file."""
    assert len(settings("--retry-on", "a", "--retry-on", "b").causes) == 3
    assert len(settings(TFRETRY_RETRY_ON="a\nb\n\n").causes) == 3
    loaded = settings(file='[[cause]]\nname = "dns"\npattern = "no such host"\nwhy = "DNS takes time"')
    assert names(loaded)[-1] == "dns"


@pytest.mark.parametrize(
    ("argv", "environ", "file", "sentence"),
    [
        (["--timeout", "soon"], {}, None, "--timeout: 'soon' is not understood; expected a duration"),
        (
            ["--max-attempts", "0"],
            {},
            None,
            "--max-attempts: '0' is not understood; expected a whole number, 1",
        ),
        (["--max-attempts", "1.5"], {}, None, "--max-attempts"),
        (["--longest-wait", "0"], {}, None, "--longest-wait: '0' is not understood; expected a duration above zero"),
        (["--quiet=perhaps"], {}, None, "--quiet: 'perhaps'"),
        (["--log-format", "xml"], {}, None, "--log-format: 'xml' is not understood; expected text or json"),
        (["--cause", "weather"], {}, None, "--cause: 'weather' is not understood; expected one of ecs-service-linked"),
        (["--retry-on", "("], {}, None, "--retry-on: "),
        (["--retry-on", ""], {}, None, "--retry-on: ''"),
        ([], {"TFRETRY_MAX_ATTEMPTS": "x"}, None, "TFRETRY_MAX_ATTEMPTS: 'x'"),
        ([], {"TFRETRY_RETRY_ON": "["}, None, "TFRETRY_RETRY_ON: "),
        ([], {}, "timeout = true", ".tfretry.toml: timeout: True"),
        ([], {}, "max_attempts = true", ".tfretry.toml: max_attempts: True"),
        ([], {}, "report = 3", ".tfretry.toml: report: 3 is not understood; expected a string"),
        ([], {}, "terraform = 3", ".tfretry.toml: terraform: 3"),
        ([], {}, 'causes = "all"', ".tfretry.toml: causes: 'all' is not understood; expected a list"),
        ([], {}, "retry_on = [1]", ".tfretry.toml: retry_on: 1"),
        ([], {}, 'causes = [["a"]]', ".tfretry.toml: causes: ['a'] is not understood"),
        (["--retry-on", "[[:alpha:]]"], {}, None, "--retry-on: '[[:alpha:]]' is not a regular expression"),
        ([], {}, "a = " + "[" * 5000 + "]" * 5000, ".tfretry.toml: "),
        ([], {}, "timeuot = 1", ".tfretry.toml: there is no key 'timeuot'; expected one of"),
        ([], {}, "timeout = ", ".tfretry.toml: "),
        (
            [],
            {},
            '[[cause]]\nname = "x"',
            ".tfretry.toml: cause: each [[cause]] takes name and pattern, and may have why",
        ),
        ([], {}, '[[cause]]\nname = "x"\npattern = ""', ".tfretry.toml: cause: name, pattern and why"),
        ([], {}, '[[cause]]\nname = "x"\npattern = "("', ".tfretry.toml: cause: x: "),
        ([], {}, 'cause = ["x"]', ".tfretry.toml: cause: each [[cause]]"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_its_place(settings, argv, environ, file, sentence):
    """The option, the variable, or the file and key."""
    with pytest.raises(TfretryError) as caught:
        settings(*argv, file=file, **environ)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 125


def test_a_file_that_cannot_be_read_is_an_error(settings, tmp_path):
    """Settings that the user relies on are not ignored silently."""
    (tmp_path / ".tfretry.toml").mkdir()
    with pytest.raises(TfretryError, match=r"^\.tfretry\.toml: Is a directory$"):
        settings()

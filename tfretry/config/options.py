"""The options of tfretry in one table, from which the command line, variables, file, defaults and help are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfretry.config.toml_file import terraform_key
from tfretry.errors import TfretryError


class Option:
    """One option; *value* is the placeholder of its value in the help, None for a switch.

    *default* is a value, or says in words what holds without the option. *separator* stands between the values in the
    variable of an option that may be repeated.
    """

    __slots__ = ("default", "key", "meaning", "name", "separator", "value", "variable")

    def __init__(
        self,
        name: str,
        meaning: str,
        *,
        value: str | None = None,
        default: str = "",
        separator: str = "",
        key: str = "",
    ) -> None:
        self.name = name
        self.meaning = meaning
        self.value = value
        self.default = default
        self.separator = separator
        self.key = key or name[2:].replace("-", "_")
        self.variable = f"TFRETRY_{self.key.upper()}"


OPTIONS = (
    Option(
        "--timeout",
        "Start no retry later than this after the first failure, or later than twice the duration of the first "
        "attempt if that is longer, except the first two; a running apply is never stopped.",
        value="DURATION",
        default="15m",
    ),
    Option(
        "--max-attempts",
        "Run at most N applies in all; one that the backend refuses to begin is not counted.",
        value="N",
    ),
    Option(
        "--first-wait",
        "The interval between the starts of the first attempts, 25 % more or less; 0s: the first retry starts at once.",
        value="DURATION",
        default="6s",
    ),
    Option("--longest-wait", "The longest wait between two attempts.", value="DURATION", default="30s"),
    Option(
        "--cause",
        "Also retry this known error (see --list-causes), or all of them except network. Repeatable; "
        "comma-separated in the variable.",
        value="NAME",
        default="ecs-service-linked-role",
        separator=",",
        key="causes",
    ),
    Option(
        "--retry-on",
        "Also retry errors that match this Python regular expression. It is searched in the text of the error from "
        "Error: on, without the command that a local-exec error quotes: in the first 4096 characters, for at most half "
        "a second of processor time. White space in it matches any white space. It overrides the list of errors that "
        "are never retried (--list-causes). Repeatable; one per line in the variable.",
        value="REGEX",
        separator="\n",
    ),
    Option("--refresh-on-retry", "Refresh the state before each retry."),
    Option(
        "--terraform",
        "The terraform to run, for every subcommand.",
        value="PATH",
        default="terraform, else tofu, on PATH, else the embedded one",
    ),
    Option("--report", "Write a JSON record of the run.", value="FILE"),
    Option(
        "--on-retry",
        "Run COMMAND with /bin/sh before each retry; its output goes to stderr. If it fails, nothing is retried. Its "
        "duration counts as waiting.",
        value="COMMAND",
    ),
    Option(
        "--log-format",
        "The form of tfretry's own lines on stderr: sentences, or JSON lines like those of terraform apply -json.",
        value="text|json",
        default="json with -json, else text",
    ),
    Option("--quiet", "Print only the last line, and only on failure."),
)
# These start no apply, and have neither a variable nor a key.
ACTIONS = (
    Option("--list-causes", "Show the known errors, and exit."),
    Option("--help", "Show this help, and exit; -help is terraform's."),
    Option("--version", "Show terraform's version on stdout and tfretry's on stderr."),
)
GONE = {"--plan-args": "a saved plan needs it no longer"}
BY_NAME = {option.name: option for option in (*OPTIONS, *ACTIONS)}


Given = list[tuple[Option, str | None]]  # our options of a command line, each with its value


def split_argv(argv: Sequence[str]) -> tuple[Given, list[str]]:
    """Split *argv* into our leading options and the rest, which is terraform's, byte for byte.

    Our options end at the first token that is none of them; where that is a bare `--`, the rest begins with it.
    """
    given: Given = []
    rest = list(argv)
    while rest and (option := BY_NAME.get(rest[0].partition("=")[0])):
        _, equals, text = rest.pop(0).partition("=")
        if equals:
            given.append((option, text))
        else:
            given.append((option, rest.pop(0) if option.value and rest else None))
    return given, rest


def requested_actions(given: Given) -> set[str]:
    """Return the names of the ACTIONS in *given*; raise TfretryError for a missing or unexpected value."""
    for option, value in given:
        if option.value and value is None:
            raise TfretryError(f"{option.name} needs a value; see tfretry --help")
        if option in ACTIONS and value is not None:
            raise TfretryError(f"{option.name} takes no value; see tfretry --help")
    return {option.name for option, _ in given if option in ACTIONS}


def wanted_terraform(given: Given, environ: Mapping[str, str], directory: str | None) -> str | None:
    """Return what `--terraform`, its variable or its key names; *directory* is that of `-chdir`."""
    named = [value for option, value in given if option.name == "--terraform" and value]
    if named:
        return named[-1]
    return environ.get(BY_NAME["--terraform"].variable) or terraform_key(directory)

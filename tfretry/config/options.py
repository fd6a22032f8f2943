"""The options of tfretry, as data: the command line, the variables, the file and the help are told by one table."""

from __future__ import annotations

from tfretry.config.toml_file import terraform_key
from tfretry.errors import TfretryError

TYPE_CHECKING = False  # typing's own constant, without typing's import time on the pass-through path
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Option:
    """One option; *value* is how the help calls what it takes, None for a switch.

    *separator* stands between several values in the variable of an option that may be repeated.
    """

    __slots__ = ("default", "key", "meaning", "name", "separator", "value", "variable")

    def __init__(
        self,
        name: str,
        meaning: str,
        *,
        value: str | None = None,
        default: str | None = None,
        separator: str | None = None,
        key: str | None = None,
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
        "Keep retrying this long after the first failure, and for at least 2 retries; a running apply is never cut.",
        value="DURATION",
        default="15m",
    ),
    Option(
        "--max-attempts",
        "At most N applies in all; one that the backend refuses to begin is not counted.",
        value="N",
    ),
    Option(
        "--first-wait",
        "From the start of an attempt to the start of the next, at least. 0s: the first retry follows at once.",
        value="DURATION",
        default="6s",
    ),
    Option("--longest-wait", "No wait is longer.", value="DURATION", default="30s"),
    Option(
        "--cause",
        "A further known error that heals by waiting, or all of them but network; see --list-causes. Repeatable; "
        "comma-separated in the variable.",
        value="NAME",
        default="ecs-service-linked-role",
        separator=",",
        key="causes",
    ),
    Option(
        "--retry-on",
        "A further error that heals by waiting, as a regular expression of Python. It is searched in an error as you "
        "see it, from Error: on, but for the command that a local-exec quotes: in the first 4096 characters, for half "
        "a second of processor time at most. White space never decides: any amount of it is one blank. Repeatable; one "
        "a line in the variable.",
        value="REGEX",
        separator="\n",
    ),
    Option("--refresh-on-retry", "Read every resource again before each retry."),
    Option(
        "--terraform",
        "The binary to run; it holds for every subcommand.",
        value="PATH",
        default="terraform, else tofu, on PATH, else the embedded one",
    ),
    Option("--report", "Write a JSON record of the run.", value="FILE"),
    Option(
        "--on-retry",
        "Run COMMAND by /bin/sh before each retry, its output on stderr; if it fails, nothing is retried. Its time "
        "counts as waiting.",
        value="COMMAND",
    ),
    Option(
        "--log-format",
        "How tfretry speaks on stderr: in sentences, or in JSON lines like those of terraform apply -json.",
        value="text|json",
        default="json with -json, else text",
    ),
    Option("--quiet", "Only the last line, and only on failure."),
)
# What starts no apply; the meaning is all that there is to them.
ACTIONS = (
    Option("--list-causes", "Show the known errors, and exit."),
    Option("--help", "Show this, and exit; -help is terraform's."),
    Option("--version", "Terraform's version on stdout, and tfretry's on stderr."),
)
GONE = {"--plan-args": "a saved plan needs it no longer"}
BY_NAME = {option.name: option for option in (*OPTIONS, *ACTIONS)}


def split_argv(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split *argv* into our leading options and terraform's arguments.

    Ours end at the first token that is not ours, or at a bare `--`; the rest is terraform's, byte for byte.
    """
    own: list[str] = []
    rest = list(argv)
    while rest and rest[0].partition("=")[0] in BY_NAME:
        own.append(rest.pop(0))
        if rest and own[-1] in BY_NAME and BY_NAME[own[-1]].value:
            own.append(rest.pop(0))
    if rest[:1] == ["--"]:
        return own, rest[1:]
    return own, rest


def own_pairs(own: Sequence[str]) -> Iterator[tuple[Option, str | None]]:
    """Our options with their values; None where none was given."""
    tokens = iter(own)
    for token in tokens:
        name, equals, value = token.partition("=")
        option = BY_NAME[name]
        if not equals and option.value:
            yield option, next(tokens, None)
        else:
            yield option, value if equals else None


def actions_asked(own: Sequence[str]) -> set[str]:
    """The names of the ACTIONS among our options; raises TfretryError for an option without its value, or with one."""
    asked = set()
    for option, value in own_pairs(own):
        if option.value and value is None:
            raise TfretryError(f"{option.name} needs a value; see tfretry --help")
        if option in ACTIONS:
            asked.add(option.name)
            if value is not None:
                raise TfretryError(f"{option.name} takes no value; see tfretry --help")
    return asked


def wanted_terraform(own: Sequence[str], environ: Mapping[str, str], directory: str | None) -> str | None:
    """What `--terraform`, its variable or its key asks for; *directory* is that of `-chdir`."""
    given = [value for option, value in own_pairs(own) if option.name == "--terraform" and value]
    if given:
        return given[-1]
    return environ.get("TFRETRY_TERRAFORM") or terraform_key(directory)

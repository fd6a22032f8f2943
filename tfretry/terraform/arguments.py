"""What terraform's command line says: its global options, the subcommand, the options of an apply. Pure."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant, without typing's import time on the pass-through path
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Options of `terraform apply` and `tofu apply` whose value may be the next argument (internal/command/arguments).
APPLY_TAKES_VALUE = frozenset(
    {
        "backup",
        "exclude",
        "exclude-file",
        "json-into",
        "lock-timeout",
        "parallelism",
        "replace",
        "state",
        "state-out",
        "target",
        "target-file",
        "var",
        "var-file",
    }
)
# Taken out of the arguments wherever they stand, before flags are parsed (arguments.ParseView).
VIEW_OPTIONS = frozenset({"-no-color", "-compact-warnings"})
# Go's strconv.ParseBool.
GO_TRUE = frozenset({"", "1", "t", "T", "TRUE", "true", "True"})
HELP = frozenset({"-h", "-help", "--help"})
VERSION = frozenset({"-v", "-version", "--version"})
AUTOCOMPLETE = frozenset({"--install-autocomplete", "--uninstall-autocomplete"})


def misplaced_option(terraform_argv: Sequence[str]) -> str | None:
    """The first `--word` before the subcommand: terraform knows none there, so it was meant for us."""
    for token in terraform_argv:
        if not token.startswith("-") or token == "--":
            return None
        if token.startswith("--") and token not in HELP | VERSION | AUTOCOMPLETE:
            return token
    return None


def subcommand_index(terraform_argv: Sequence[str]) -> int | None:
    """Where the subcommand stands: the first argument that is no option, as terraform's own parser has it."""
    for index, token in enumerate(terraform_argv):
        if token == "--":
            return None
        if token and not token.startswith("-"):
            return index
    return None


def chdir(terraform_argv: Sequence[str]) -> str | None:
    """The directory of `-chdir=DIR`, which terraform accepts before the subcommand only."""
    before = terraform_argv[: subcommand_index(terraform_argv)]
    found = [token.partition("=")[2] for token in before if token.startswith("-chdir=")]
    return found[0] if found else None


def environment_arguments(environ: Mapping[str, str]) -> list[str]:
    """The arguments that terraform inserts after `apply` from the environment, in its order.

    Raises ValueError where the quoting is broken; terraform then refuses to run at all.
    """
    texts = [environ.get("TF_CLI_ARGS_apply", ""), environ.get("TF_CLI_ARGS", "")]
    if not any(texts):
        return []
    import shlex

    return [word for text in texts for word in shlex.split(text)]


def apply_options(arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The arguments of `apply` as (option, value), and positional ones as ("", argument)."""
    tokens = iter([token for token in arguments if token not in VIEW_OPTIONS])
    for token in tokens:
        if token == "--" or not token.startswith("-") or token == "-":
            yield from (("", rest) for rest in ([] if token == "--" else [token]))
            yield from (("", rest) for rest in tokens)
            return
        name, equals, value = token.removeprefix("-").removeprefix("-").partition("=")
        if not equals and name in APPLY_TAKES_VALUE:
            yield name, next(tokens, None)
        else:
            yield name, value if equals else None


def is_switched_on(options: Sequence[tuple[str, str | None]], name: str) -> bool:
    """Whether the boolean option *name* is on; given twice, the last wins, as in Go's flag package."""
    values = [value for option, value in options if option == name]
    return bool(values) and (values[-1] or "") in GO_TRUE


def is_retriable_apply(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether this is an apply that could meet the error: anything else becomes terraform at once."""
    at = subcommand_index(terraform_argv)
    if at is None or terraform_argv[at] != "apply":
        return False
    try:
        arguments = [*environment_arguments(environ), *terraform_argv[at + 1 :]]
    except ValueError:
        return False
    if VERSION.intersection([*terraform_argv[:at], *arguments]):
        return False
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if HELP.intersection([*terraform_argv[:at], *words]):
        return False
    options = list(apply_options(arguments))
    return not is_switched_on(options, "destroy") and not is_switched_on(options, "refresh-only")

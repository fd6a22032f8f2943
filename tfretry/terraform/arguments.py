"""What terraform's command line says: its global options, the subcommand, the options of an apply. Pure."""

from __future__ import annotations

from tfretry.terraform.words import SWITCHES, split_option, words

TYPE_CHECKING = False  # typing's own constant, without typing's import time on the pass-through path
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Go's strconv.ParseBool.
GO_TRUE = frozenset({"", "1", "t", "T", "TRUE", "true", "True"})
GO_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
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
    return ((word.name, word.value) for word in words(arguments))


def is_switched_on(options: Sequence[tuple[str, str | None]], name: str) -> bool:
    """Whether the boolean option *name* is on; given twice, the last wins, as in Go's flag package."""
    values = [value for option, value in options if option == name]
    return bool(values) and (values[-1] or "") in GO_TRUE


def could_be_on(arguments: Sequence[str], name: str) -> bool:
    """Whether the boolean option *name* is on in any reading, whatever takes a value that we do not know."""
    is_on, before = False, ""
    for token in arguments:
        if token == "--" and not _may_take_next(before):
            break
        option, value = split_option(token)
        if token.startswith("-") and option == name:
            # An "off" counts only where it cannot be the value of what stands before it.
            is_on = value not in GO_FALSE or (is_on and _may_take_next(before))
        before = token
    return is_on


def _may_take_next(token: str) -> bool:
    name, value = split_option(token)
    return token.startswith("-") and value is None and name not in SWITCHES


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
    return not could_be_on(arguments, "destroy") and not could_be_on(arguments, "refresh-only")

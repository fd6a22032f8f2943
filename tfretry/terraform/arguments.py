"""Read terraform's command line: the global options, the subcommand, the options of an apply. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfretry.terraform.words import SWITCHES, split_option

# Go's strconv.ParseBool.
GO_TRUE = frozenset({"", "1", "t", "T", "TRUE", "true", "True"})
GO_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
HELP_OPTIONS = frozenset({"-h", "-help", "--help"})
VERSION_OPTIONS = frozenset({"-v", "-version", "--version"})
AUTOCOMPLETE = frozenset({"--install-autocomplete", "--uninstall-autocomplete"})


def misplaced_option(terraform_argv: Sequence[str]) -> str | None:
    """Return the first unknown `--word` before the subcommand: terraform accepts none there, so it was meant for us."""
    for token in terraform_argv:
        if not token.startswith("-") or token == "--":
            return None
        if token.startswith("--") and token not in HELP_OPTIONS | VERSION_OPTIONS | AUTOCOMPLETE:
            return token
    return None


def subcommand_index(terraform_argv: Sequence[str]) -> int | None:
    """Return the index of the subcommand: the first argument that is not an option, as in terraform's own parser."""
    for index, token in enumerate(terraform_argv):
        if token == "--":
            return None
        if token and not token.startswith("-"):
            return index
    return None


def chdir(terraform_argv: Sequence[str]) -> str | None:
    """Return the directory of `-chdir=DIR`, which terraform accepts before the subcommand only."""
    before = terraform_argv[: subcommand_index(terraform_argv)]
    return next((token.partition("=")[2] for token in before if token.startswith("-chdir=")), None)


def environment_arguments(environ: Mapping[str, str]) -> list[str]:
    """Return the arguments that terraform inserts after `apply` from the environment, in its order.

    Raises ValueError if a quote is not closed; terraform then refuses to run at all.
    """
    texts = [environ.get("TF_CLI_ARGS_apply", ""), environ.get("TF_CLI_ARGS", "")]
    if not any(texts):
        return []
    import shlex

    return [word for text in texts for word in shlex.split(text)]


def could_be_on(arguments: Sequence[str], name: str) -> bool:
    """Whether the boolean option *name* may be on, whichever unknown options take the next token as their value."""
    is_on, previous = False, ""
    for token in arguments:
        if token == "--" and not _may_take_next(previous):
            break
        option, value = split_option(token)
        if token.startswith("-") and option == name:
            # "-NAME=false" does not switch it off where it may be the value of the previous option.
            is_on = value not in GO_FALSE or (is_on and _may_take_next(previous))
        previous = token
    return is_on


def _may_take_next(token: str) -> bool:
    name, value = split_option(token)
    return token.startswith("-") and value is None and name not in SWITCHES


def is_retriable_apply(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether this is an apply that can fail with the error; for anything else, terraform replaces us at once."""
    at = subcommand_index(terraform_argv)
    if at is None or terraform_argv[at] != "apply":
        return False
    try:
        arguments = [*environment_arguments(environ), *terraform_argv[at + 1 :]]
    except ValueError:
        return False
    if VERSION_OPTIONS.intersection([*terraform_argv[:at], *arguments]):
        return False
    before_end = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if HELP_OPTIONS.intersection([*terraform_argv[:at], *before_end]):
        return False
    return not could_be_on(arguments, "destroy") and not could_be_on(arguments, "refresh-only")

"""Tokenize the arguments of `apply`: options with their values, and positional arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# Options of `terraform apply` and `tofu apply` whose value may be the next argument (internal/command/arguments, as of
# terraform 1.17 and OpenTofu 1.13; -include and -lint are OpenTofu's next).
TAKES_VALUE = frozenset(
    {
        "backup",
        "deprecation",
        "exclude",
        "exclude-file",
        "include",
        "invoke",
        "json-into",
        "lint",
        "lock-timeout",
        "parallelism",
        "policies",
        "replace",
        "state",
        "state-out",
        "target",
        "target-file",
        "var",
        "var-file",
    }
)
# Boolean options: their value is never the next argument. Of options in neither table, we do not know.
SWITCHES = frozenset(
    {
        "allow-deferral",
        "auto-approve",
        "compact-warnings",
        "concise",
        "consolidate-errors",
        "consolidate-warnings",
        "destroy",
        "input",
        "json",
        "lock",
        "minimal-refresh",
        "no-color",
        "refresh",
        "refresh-only",
        "show-sensitive",
        "suppress-forget-errors",
    }
)
# Removed from the arguments wherever they stand, before flags are parsed (arguments.ParseView): the first two by
# terraform, all of them by OpenTofu.
VIEW_OPTIONS = frozenset(
    {
        "-no-color",
        "-compact-warnings",
        "-concise",
        *(f"-consolidate-{name}{value}" for name in ("errors", "warnings") for value in ("", "=true", "=false")),
    }
)
VIEW_DEPRECATION = "-deprecation=module:"


class Word:
    """An option of `apply` with its value, or a positional argument, whose name is "".

    *indices* are its positions in the arguments: two if the value is an argument of its own.
    """

    __slots__ = ("indices", "name", "value")

    def __init__(self, name: str, value: str | None, *indices: int) -> None:
        self.name = name
        self.value = value
        self.indices = indices


def words(arguments: Sequence[str]) -> Iterator[Word]:
    """Read the arguments of `apply` as terraform and OpenTofu do.

    Options may follow a positional argument, as in OpenTofu 1.13; all others refuse such a command themselves.
    """
    waiting: tuple[str, int] | None = None  # an option whose value is the next argument
    are_positional = False
    for index, token in enumerate(arguments):
        name, value = split_option(token)
        if _is_view_option(token):
            yield Word(name, value, index)
        elif waiting:
            yield Word(waiting[0], token, waiting[1], index)
            waiting = None
        elif are_positional or not token.startswith("-") or token == "-":
            yield Word("", token, index)
        elif token == "--":
            are_positional = True
        elif value is None and name in TAKES_VALUE:
            waiting = name, index
        else:
            yield Word(name, value, index)
    if waiting:
        yield Word(waiting[0], None, waiting[1])


def _is_view_option(token: str) -> bool:
    """Whether *token* is removed wherever it stands: it is never the value of an option, nor a positional argument."""
    return token in VIEW_OPTIONS or token.startswith(VIEW_DEPRECATION)


def split_option(token: str) -> tuple[str, str | None]:
    """Return the name and the value of `-name=value` or `--name=value`; None where there is no value."""
    name, equals, value = token.removeprefix("-").removeprefix("-").partition("=")
    return name, value if equals else None

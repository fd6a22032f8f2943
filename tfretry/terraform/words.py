"""The arguments of `apply` as words: options with their values, and positional arguments. The one tokenizer of them."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own constant, without typing's import time on the pass-through path
if TYPE_CHECKING:
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
# Options without a value: the next argument is never theirs. Of an option in neither table that is not known.
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
# Taken out of the arguments wherever they stand, before flags are parsed (arguments.ParseView): the first two are
# terraform's, all of them OpenTofu's.
VIEW_OPTIONS = frozenset(
    {
        "-no-color",
        "-compact-warnings",
        "-concise",
        *(f"-consolidate-{what}{value}" for what in ("errors", "warnings") for value in ("", "=true", "=false")),
    }
)
VIEW_DEPRECATION = "-deprecation=module:"


class Word:
    """An option of `apply` with its value, or a positional argument, whose name is "".

    *indices* tell where it stands among the arguments; the value, where it stands apart, is at the last of them.
    """

    __slots__ = ("indices", "name", "value")

    def __init__(self, name: str, value: str | None, *indices: int) -> None:
        self.name = name
        self.value = value
        self.indices = indices


def words(arguments: Sequence[str]) -> Iterator[Word]:
    """The arguments of `apply`, as terraform and OpenTofu read them.

    Options may stand behind a positional argument, as with OpenTofu 1.13; all others refuse such a command themselves.
    """
    waiting: tuple[str, int] | None = None  # an option whose value is the next argument
    are_positional = False
    for index, token in enumerate(arguments):
        name, value = split_option(token)
        if is_view_option(token):
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


def is_view_option(token: str) -> bool:
    """Whether *token* is taken out wherever it stands: it is no value of the option before it, and ends no options."""
    return token in VIEW_OPTIONS or token.startswith(VIEW_DEPRECATION)


def split_option(token: str) -> tuple[str, str | None]:
    """The name and the value of `-name=value` or `--name=value`; None where none is given."""
    name, equals, value = token.removeprefix("-").removeprefix("-").partition("=")
    return name, value if equals else None

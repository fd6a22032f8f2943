"""One `terraform apply` as the user gave it, and what a retry of it runs."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tfretry.terraform.arguments import (
    APPLY_TAKES_VALUE,
    VIEW_OPTIONS,
    apply_options,
    chdir,
    environment_arguments,
    subcommand_index,
)

FOR_PLANNING = frozenset({"var", "var-file", "lock", "lock-timeout", "parallelism", "state"})

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\s+')
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|\$\$\{|%%\{")

Options = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An apply: the binary, the global options, and the arguments of the line and of the environment."""

    terraform: str
    before: tuple[str, ...]  # up to the word "apply", and with it
    arguments: tuple[str, ...]
    from_environment: tuple[str, ...] = ()
    data_directory: str = ".terraform"

    @classmethod
    def of(cls, terraform: str, terraform_argv: Sequence[str], environ: Mapping[str, str]) -> Command:
        """The command that *terraform_argv*, which is an apply, says."""
        after = (subcommand_index(terraform_argv) or 0) + 1
        return cls(
            terraform=terraform,
            before=tuple(terraform_argv[:after]),
            arguments=tuple(terraform_argv[after:]),
            from_environment=tuple(environment_arguments(environ)),
            data_directory=environ.get("TF_DATA_DIR") or ".terraform",
        )

    @property
    def argv(self) -> list[str]:
        """What the user asked for, unchanged."""
        return [self.terraform, *self.before, *self.arguments]

    @property
    def folder(self) -> str:
        """Where terraform works: the directory of `-chdir`, else the current one."""
        return chdir(self.before) or os.curdir

    def in_folder(self, path: str) -> str:
        """*path* as terraform, which works in its folder, understands it."""
        return os.path.join(self.folder, path)

    @property
    def options(self) -> Options:
        """All options of this apply, those of the environment first, as terraform reads them."""
        return list(apply_options([*self.from_environment, *self.arguments]))

    @property
    def plan_file(self) -> str | None:
        """The saved plan among the arguments of the line; a directory (0.11 to 0.14) is none."""
        return self._plan_file(self.arguments)

    @property
    def plan_file_of_environment(self) -> str | None:
        """The saved plan that TF_CLI_ARGS or TF_CLI_ARGS_apply names."""
        return self._plan_file(self.from_environment)

    def _plan_file(self, arguments: Iterable[str]) -> str | None:
        named = [value for name, value in apply_options(list(arguments)) if name == "" and value]
        if len(named) != 1 or os.path.isdir(self.in_folder(named[0])):
            return None
        return named[0]

    def unrepeatable(self) -> str | None:
        """Why a second run of this command would not mean the same, in a clause; None if it would.

        Must be asked before the first run: a FIFO or a `/dev/fd/N` may be gone after it.
        """
        if any(name == "replace" for name, _ in apply_options(self.from_environment)):
            return "-replace in TF_CLI_ARGS would replace the resource again"
        if any(name == "state-out" for name, _ in self.options):
            return "-state-out writes the state to where a second run does not read it"
        for name, value in self.options:
            if name == "var-file" and value and _is_read_once(self.in_folder(value)):
                return f"-var-file={value} is no regular file and can be read only once"
        if self.plan_file_of_environment:
            return "the plan file comes from TF_CLI_ARGS, which tfretry does not change"
        return None

    def retry_argv(self, *, refresh: bool, replaced: Collection[str]) -> list[str]:
        """The same again, without the refresh that the failed apply has just done.

        An address of *replaced* has its new object already: `-replace` would replace it once more.
        """
        skip_refresh = [] if refresh or self.says_refresh else ["-refresh=false"]
        kept = _without_replace(self.arguments, replaced)
        return [self.terraform, *self.before, *skip_refresh, *kept]

    @property
    def depends_on_changes(self) -> bool:
        """Whether what a retry runs depends on which changes are finished."""
        return self.plan_file is not None or any(name == "replace" for name, _ in self.options)

    def apply_argv(self, plan_file: str) -> list[str]:
        """The same apply, of another plan file."""
        # The plan file ends the options; only those of the view may stand behind it.
        at = max(index for index, token in enumerate(self.arguments) if token not in VIEW_OPTIONS)
        return [self.terraform, *self.before, *self.arguments[:at], plan_file, *self.arguments[at + 1 :]]

    @property
    def planning_options(self) -> list[str]:
        """The options of this apply that its planning had, or must have had, too."""
        chosen = [(name, value) for name, value in self.options if name in FOR_PLANNING]
        return [f"-{name}" if value is None else f"-{name}={value}" for name, value in chosen]

    @property
    def says_refresh(self) -> bool:
        """Whether the user has decided about refreshing."""
        return any(name == "refresh" for name, _ in self.options)


def _is_read_once(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode) and not os.path.samefile(path, os.devnull)
    except OSError:
        return False  # terraform will say what is wrong with it


def _without_replace(arguments: Sequence[str], replaced: Collection[str]) -> list[str]:
    kept: list[str] = []
    tokens = iter(arguments)
    for token in tokens:
        name, equals, value = token.lstrip("-").partition("=")
        takes_next = token.startswith("-") and not equals and name in APPLY_TAKES_VALUE
        given = [token, *(following for following in [next(tokens, None)] if following)] if takes_next else [token]
        address = value if equals else given[-1]
        if not (token.startswith("-") and name == "replace" and plain_address(address) in replaced):
            kept += given
    return kept


def plain_address(address: str) -> str:
    """*address* in one notation: its white space is none, its keys are what their escapes stand for.

    As terraform reads them (hcl's scanner and cty, which composes what Unicode can compose).
    """
    return QUOTED.sub(lambda found: _plain_key(found[1]) if found[1] is not None else "", address)


def _plain_key(quoted: str) -> str:
    from unicodedata import normalize

    key = normalize("NFC", ESCAPE.sub(_character, quoted))
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _character(escape: re.Match[str]) -> str:
    if digits := escape[1] or escape[2]:
        code = int(digits, 16)
        return chr(code) if code < 0x110000 else escape[0]
    if escape[3]:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[3], escape[3])
    return escape[0][1:]  # $${ and %%{


def redacted(argv: Iterable[str]) -> list[str]:
    """*argv* with the values of `-var` covered: they may be secrets."""
    shown: list[str] = []
    value_follows = False
    for token in argv:
        if value_follows and token not in VIEW_OPTIONS:  # those terraform takes out first
            shown.append(f"{token.partition('=')[0]}=***")
            value_follows = False
        elif token.startswith(("-var=", "--var=")):
            option, name, _ = [*token.split("=", 2), ""][:3]
            shown.append(f"{option}={name}=***")
        else:
            shown.append(token)
            value_follows = value_follows or token in ("-var", "--var")
    return shown

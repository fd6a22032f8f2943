"""One `terraform apply` as the user gave it, and what a retry of it runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tfretry.terraform.arguments import (
    GO_FALSE,
    apply_options,
    chdir,
    environment_arguments,
    is_switched_on,
    subcommand_index,
)
from tfretry.terraform.inputs import spent_option
from tfretry.terraform.positional import saved_plan
from tfretry.terraform.words import Word, words

VARIABLES = frozenset({"var", "var-file"})
FOR_PLANNING = VARIABLES | {"lock", "lock-timeout", "parallelism", "state", "target", "replace"}

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
    plan: Word | None = None  # the saved plan among the arguments of the line
    misplaced: str | None = None  # what is wrong with the positional arguments, in a clause

    @classmethod
    def of(cls, terraform: str, terraform_argv: Sequence[str], environ: Mapping[str, str]) -> Command:
        """The command that *terraform_argv*, which is an apply, says."""
        after = (subcommand_index(terraform_argv) or 0) + 1
        before, arguments = tuple(terraform_argv[:after]), tuple(terraform_argv[after:])
        from_environment = tuple(environment_arguments(environ))
        # Now, before the first attempt: what is there after it may be something else.
        plan, misplaced = saved_plan(arguments, from_environment, folder=chdir(before) or os.curdir)
        return cls(
            terraform=terraform,
            before=before,
            arguments=arguments,
            from_environment=from_environment,
            plan=plan,
            misplaced=misplaced,
        )

    @property
    def argv(self) -> list[str]:
        """What the user asked for, unchanged."""
        return [self.terraform, *self.before, *self.arguments]

    @property
    def global_options(self) -> tuple[str, ...]:
        """The options before the subcommand, such as `-chdir`."""
        return self.before[:-1]

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
        return list(apply_options(self._words))

    @property
    def plan_file(self) -> str | None:
        """The saved plan among the arguments of the line."""
        return self.plan.value if self.plan else None

    @property
    def says_json(self) -> bool:
        """Whether terraform's messages are JSON."""
        return is_switched_on(self.options, "json")

    def unrepeatable(self) -> str | None:
        """Why a second run of this command would not mean the same, in a clause; None if it would.

        Must be asked before the first run: a FIFO or a `/dev/fd/N` may be gone after it.
        """
        if any(name == "replace" for name, _ in apply_options(self.from_environment)):
            return "-replace in TF_CLI_ARGS would replace the resource again"
        if any(name == "state-out" for name, _ in self.options):
            return "-state-out writes the state to where a second run does not read it"
        return self.misplaced or spent_option(self.options, self.in_folder)

    def retry_argv(self, *, refresh: bool, replaced: Collection[str]) -> list[str]:
        """The same again, without the refresh that the failed apply has just done.

        An address of *replaced* has its new object already: `-replace` would replace it once more.
        """
        left_out = self._replacements(replaced)
        skip_refresh = [] if refresh or not self._can_skip_refresh else ["-refresh=false"]
        if skip_refresh:  # -refresh=true says what terraform does anyway, and would overrule ours
            left_out |= self._standing(lambda word: word.name == "refresh")
        kept = [token for index, token in enumerate(self.arguments) if index not in left_out]
        return [self.terraform, *self.before, *skip_refresh, *kept]

    def _replacements(self, replaced: Collection[str]) -> set[int]:
        return self._standing(lambda word: word.name == "replace" and plain_address(word.value or "") in replaced)

    def _standing(self, is_meant: Callable[[Word], bool]) -> set[int]:
        """Where the words that *is_meant* stand among the arguments of the line."""
        return {index for word in words(self.arguments) if is_meant(word) for index in word.indices}

    @property
    def _can_skip_refresh(self) -> bool:
        """Whether `-refresh=false` is neither said already nor contradicts what the user says."""
        said = [value for name, value in self.options if name == "refresh"]
        # "mutually-exclusive" (terraform 1.17, internal/command/arguments/extended.go)
        return said[-1:] not in [[off] for off in GO_FALSE] and not is_switched_on(self.options, "minimal-refresh")

    def apply_argv(self, plan_file: str) -> list[str]:
        """The same apply, of another plan file."""
        at = self.plan.indices[0] if self.plan else len(self.arguments)
        return [self.terraform, *self.before, *self.arguments[:at], plan_file, *self.arguments[at + 1 :]]

    @property
    def planning_options(self) -> list[str]:
        """The options of this apply that its planning had, or must have had, too."""
        return self._rendered(FOR_PLANNING)

    @property
    def variables(self) -> list[str]:
        """The options that give values to variables."""
        return self._rendered(VARIABLES)

    @property
    def named_variable_files(self) -> list[str]:
        """The files of `-var-file`."""
        return [value for name, value in self.options if name == "var-file" and value]

    @property
    def local_state(self) -> str | None:
        """The state file of the local backend that `-state` names."""
        named = [value for name, value in self.options if name == "state" and value]
        return self.in_folder(named[-1]) if named else None

    @property
    def is_concise(self) -> bool:
        """Whether OpenTofu is not to report what it does."""
        return is_switched_on(self.options, "concise")

    @property
    def _words(self) -> tuple[str, ...]:
        return (*self.from_environment, *self.arguments)

    def _rendered(self, names: Collection[str]) -> list[str]:
        chosen = [(name, value) for name, value in self.options if name in names]
        return [f"-{name}" if value is None else f"-{name}={value}" for name, value in chosen]

    @property
    def may_ask(self) -> bool:
        """Whether this apply may ask for approval."""
        has_input = is_switched_on([("input", None), *self.options], "input")
        return has_input and self.plan_file is None and not is_switched_on(self.options, "auto-approve")


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


def redacted(argv: Sequence[str]) -> list[str]:
    """*argv* with the values of `-var` covered: they may be secrets."""
    shown = list(argv)
    # What stands behind "--" is positional; a mistaken "-var=…" there is covered all the same.
    for word in words(["-" if token == "--" else token for token in argv]):
        if word.name == "var" and word.value is not None:
            option = "" if len(word.indices) > 1 else f"{argv[word.indices[0]].partition('=')[0]}="
            shown[word.indices[-1]] = f"{option}{word.value.partition('=')[0]}=***"
    return shown

"""One `terraform apply` as the user gave it, and the command lines of its retries."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from tfretry.terraform.address import plain_address
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

NO_REFRESH = "-refresh=false"
VARIABLE_OPTIONS = frozenset({"var", "var-file"})
PLANNING_OPTIONS = VARIABLE_OPTIONS | {"lock", "lock-timeout", "parallelism", "state", "target", "replace"}

Options = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An apply: the binary, the global options, and the arguments on the command line and in the environment."""

    terraform: str
    before: tuple[str, ...]  # the global options and the word "apply"
    arguments: tuple[str, ...]
    from_environment: tuple[str, ...] = ()
    plan: Word | None = None  # the saved plan in *arguments*
    misplaced: str | None = None  # why the positional arguments cannot be repeated, as a clause

    @classmethod
    def of(cls, terraform: str, terraform_argv: Sequence[str], environ: Mapping[str, str]) -> Command:
        """Parse *terraform_argv*, which must be an apply; call it before the first attempt, which may change files."""
        after = (subcommand_index(terraform_argv) or 0) + 1
        before, arguments = tuple(terraform_argv[:after]), tuple(terraform_argv[after:])
        from_environment = tuple(environment_arguments(environ))
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
        """The command line of the user, unchanged."""
        return [self.terraform, *self.before, *self.arguments]

    @property
    def global_options(self) -> tuple[str, ...]:
        """The options before the subcommand, such as `-chdir`."""
        return self.before[:-1]

    @property
    def folder(self) -> str:
        """The working directory of terraform: that of `-chdir`, else ours."""
        return chdir(self.before) or os.curdir

    def in_folder(self, path: str) -> str:
        """Return our path of *path*, which is relative to terraform's working directory."""
        return os.path.join(self.folder, path)

    @property
    def options(self) -> Options:
        """All options of this apply, those of the environment first, as in terraform."""
        return list(apply_options(self._words))

    @property
    def plan_file(self) -> str | None:
        """Path of the saved plan on the command line."""
        return self.plan.value if self.plan else None

    @property
    def says_json(self) -> bool:
        """Whether terraform prints JSON messages."""
        return is_switched_on(self.options, "json")

    def unrepeatable(self) -> str | None:
        """Return why a second run of this command would do something else, as a clause; None if it would not.

        Call it before the first run: that may consume a FIFO or a `/dev/fd/N`.
        """
        if any(name == "replace" for name, _ in apply_options(self.from_environment)):
            return "-replace in TF_CLI_ARGS would replace the resource again"
        if any(name == "invoke" for name, _ in self.options):
            return "-invoke would invoke the action again, and nothing tells whether it has run"
        if any(name == "state-out" for name, _ in self.options):
            return "-state-out writes the state to where a second run does not read it"
        return self.misplaced or spent_option(self.options, self.in_folder)

    def retry_argv(self, *, refresh: bool, replaced: Collection[str]) -> list[str]:
        """Return the command line of a retry; without *refresh*, it skips the refresh, which the failed apply has done.

        The addresses in *replaced* have their new objects already: `-replace` would replace them once more.
        """
        removed = self._indices(lambda word: word.name == "replace" and plain_address(word.value or "") in replaced)
        skip_refresh = [] if refresh or not self._can_skip_refresh else [NO_REFRESH]
        if skip_refresh:  # a later -refresh=true, which is the default, would override it
            removed |= self._indices(lambda word: word.name == "refresh")
        kept = [token for index, token in enumerate(self.arguments) if index not in removed]
        return [self.terraform, *self.before, *skip_refresh, *kept]

    def _indices(self, condition: Callable[[Word], bool]) -> set[int]:
        """Return the indices of the words in *arguments* that fulfil *condition*."""
        return {index for word in words(self.arguments) if condition(word) for index in word.indices}

    @property
    def _can_skip_refresh(self) -> bool:
        """Whether `-refresh=false` is not given yet, and no option excludes it."""
        is_off = [value for name, value in self.options if name == "refresh"][-1:] in [[off] for off in GO_FALSE]
        # "mutually-exclusive" (terraform 1.17, internal/command/arguments/extended.go)
        return not is_off and not is_switched_on(self.options, "minimal-refresh")

    @property
    def replaces(self) -> bool:
        """Whether objects are replaced on request."""
        return any(name == "replace" for name, _ in self.options)

    def apply_argv(self, plan_file: str) -> list[str]:
        """Return the command line of the same apply with another plan file."""
        at = self.plan.indices[0] if self.plan else len(self.arguments)
        return [self.terraform, *self.before, *self.arguments[:at], plan_file, *self.arguments[at + 1 :]]

    @property
    def planning_options(self) -> list[str]:
        """The options of this apply that also apply to its planning."""
        return self._rendered(PLANNING_OPTIONS)

    @property
    def variables(self) -> list[str]:
        """The options `-var` and `-var-file`."""
        return self._rendered(VARIABLE_OPTIONS)

    @property
    def named_variable_files(self) -> list[str]:
        """The values of `-var-file`."""
        return [value for name, value in self.options if name == "var-file" and value]

    @property
    def local_state(self) -> str | None:
        """Path of the local backend's state file, if `-state` gives it."""
        paths = [value for name, value in self.options if name == "state" and value]
        return self.in_folder(paths[-1]) if paths else None

    @property
    def is_concise(self) -> bool:
        """Whether OpenTofu prints no progress."""
        return is_switched_on(self.options, "concise")

    @property
    def _words(self) -> tuple[str, ...]:
        return (*self.from_environment, *self.arguments)

    def _rendered(self, names: Collection[str]) -> list[str]:
        selected = [(name, value) for name, value in self.options if name in names]
        return [f"-{name}" if value is None else f"-{name}={value}" for name, value in selected]

    @property
    def may_ask(self) -> bool:
        """Whether this apply may ask for approval."""
        has_input = is_switched_on([("input", None), *self.options], "input")
        return has_input and self.plan_file is None and not is_switched_on(self.options, "auto-approve")


def redacted(argv: Sequence[str]) -> list[str]:
    """Return *argv* with `***` in the place of the values of `-var`, which may be secrets."""
    shown = list(argv)
    # Arguments after "--" are positional; redact a "-var=…" that stands there by mistake, too.
    for word in words(["-" if token == "--" else token for token in argv]):
        if word.name == "var" and word.value is not None:
            option = "" if len(word.indices) > 1 else f"{argv[word.indices[0]].partition('=')[0]}="
            shown[word.indices[-1]] = f"{option}{word.value.partition('=')[0]}=***"
    return shown

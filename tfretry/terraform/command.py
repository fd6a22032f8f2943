"""One `terraform apply` as the user gave it, and the command lines of its retries."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tfretry.terraform.address import plain_address
from tfretry.terraform.arguments import GO_TRUE, chdir, environment_arguments, subcommand_index
from tfretry.terraform.inputs import spent_option
from tfretry.terraform.positional import saved_plan
from tfretry.terraform.words import Word, words

NO_REFRESH = "-refresh=false"
VARIABLE_OPTIONS = frozenset({"var", "var-file"})
PLANNING_OPTIONS = VARIABLE_OPTIONS | {"lock", "lock-timeout", "parallelism", "state", "target", "replace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An apply: the binary, the global options, and the arguments on the command line and in the environment."""

    terraform: str
    before: tuple[str, ...]  # the global options and the word "apply"
    arguments: tuple[str, ...]
    from_environment: tuple[str, ...] = ()
    plan: Word | None = None  # the saved plan in *arguments*
    unclear_argument: str | None = None  # why the positional arguments cannot be repeated, as a clause

    @classmethod
    def of(cls, terraform: str, terraform_argv: Sequence[str], environ: Mapping[str, str]) -> Command:
        """Parse *terraform_argv*, which must be an apply; call it before the first attempt, which may change files."""
        after = (subcommand_index(terraform_argv) or 0) + 1
        before, arguments = tuple(terraform_argv[:after]), tuple(terraform_argv[after:])
        from_environment = tuple(environment_arguments(environ))
        plan, unclear_argument = saved_plan(arguments, from_environment, folder=chdir(before) or os.curdir)
        return cls(
            terraform=terraform,
            before=before,
            arguments=arguments,
            from_environment=from_environment,
            plan=plan,
            unclear_argument=unclear_argument,
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
        """Return *path*, which is relative to terraform's working directory, as a path from ours."""
        return os.path.join(self.folder, path)

    @property
    def plan_file(self) -> str | None:
        """Path of the saved plan on the command line."""
        return self.plan.value if self.plan else None

    @property
    def says_json(self) -> bool:
        """Whether terraform prints JSON messages."""
        return self._is_on("json")

    def unrepeatable(self) -> str | None:
        """Return why a second run of this command would do something else, as a clause; None if it would not.

        Call it before the first run: that may consume a FIFO or a `/dev/fd/N`.
        """
        if any(word.name == "replace" for word in words(self.from_environment)):
            return "-replace in TF_CLI_ARGS would replace the resource again"
        if self._values("invoke"):
            return "-invoke would invoke the action again, and nothing tells whether it has run"
        if self._values("state-out"):
            return "-state-out writes the state to where a second run does not read it"
        return self.unclear_argument or spent_option(self._words, self.in_folder)

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
        # "mutually-exclusive" (terraform 1.17, internal/command/arguments/extended.go)
        return self._is_on("refresh", default=True) and not self._is_on("minimal-refresh")

    @property
    def replaces(self) -> bool:
        """Whether objects are replaced on request."""
        return bool(self._values("replace"))

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
        return [value for value in self._values("var-file") if value]

    @property
    def local_state(self) -> str | None:
        """Path of the local backend's state file, if `-state` gives it."""
        paths = [value for value in self._values("state") if value]
        return self.in_folder(paths[-1]) if paths else None

    @property
    def is_concise(self) -> bool:
        """Whether OpenTofu prints no progress."""
        return self._is_on("concise")

    @property
    def may_ask(self) -> bool:
        """Whether this apply may ask for approval."""
        return self._is_on("input", default=True) and self.plan_file is None and not self._is_on("auto-approve")

    @property
    def _words(self) -> Iterator[Word]:
        """The options and positional arguments, those of the environment first, as in terraform."""
        return words([*self.from_environment, *self.arguments])

    def _values(self, name: str) -> list[str | None]:
        return [word.value for word in self._words if word.name == name]

    def _is_on(self, name: str, *, default: bool = False) -> bool:
        """Whether the boolean option *name* is on; the last one wins, as in Go's flag package."""
        values = self._values(name)
        return (values[-1] or "") in GO_TRUE if values else default

    def _rendered(self, names: Collection[str]) -> list[str]:
        selected = [word for word in self._words if word.name in names]
        return [f"-{word.name}" if word.value is None else f"-{word.name}={word.value}" for word in selected]


def redacted(argv: Sequence[str]) -> list[str]:
    """Return *argv* with `***` in the place of the values of `-var`, which may be secrets."""
    shown = list(argv)
    # Arguments after "--" are positional; redact a "-var=…" that stands there by mistake, too.
    for word in words(["-" if token == "--" else token for token in argv]):
        if word.name == "var" and word.value is not None:
            option = "" if len(word.indices) > 1 else f"{argv[word.indices[0]].partition('=')[0]}="
            shown[word.indices[-1]] = f"{option}{word.value.partition('=')[0]}=***"
    return shown

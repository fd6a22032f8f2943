"""The command line: what is ours, what is terraform's, and errors as exit codes."""

from __future__ import annotations

import os
import sys

from tfretry import signalmask
from tfretry.arguments import (
    INSTEAD_OF_TERRAFORM,
    OPTIONS,
    TAKES_VALUE,
    chdir,
    is_retriable_apply,
    misplaced_option,
    own_pairs,
    split_argv,
)
from tfretry.errors import TfretryError
from tfretry.stderr import printable, write_stderr
from tfretry.terraform import find_terraform, replace_process, wanted_terraform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet


def main(argv: Sequence[str] | None = None, *, mask_before: AbstractSet[int] | None = None) -> int:
    """Run tfretry with *argv* and return its exit code; what is not retried becomes terraform and never returns.

    *mask_before* is the signal mask to give back to terraform where the caller has blocked signals already.
    """
    if mask_before is not None:
        return _exit_code(argv, mask_before)
    mask = signalmask.block()
    try:
        return _exit_code(argv, mask)
    finally:
        signalmask.restore(mask)


def _exit_code(argv: Sequence[str] | None, mask: AbstractSet[int]) -> int:
    try:
        return _run(sys.argv[1:] if argv is None else argv, mask)
    except TfretryError as error:
        write_stderr(f"tfretry: {printable(str(error))}\n".encode("utf-8", "replace"))
        return error.exit_code
    except OSError as error:  # no descriptor, process or memory left
        write_stderr(f"tfretry: {error.strerror or error}\n".encode("utf-8", "replace"))
        return TfretryError.exit_code
    except Exception:  # noqa: BLE001  # the one place where a fault of ours becomes an exit code
        return _confess()


def _run(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    own, terraform_argv = split_argv(argv)
    asked = _check(own, terraform_argv, ended="--" in argv[len(own) : len(own) + 1])
    if "--help" in asked or "--list-causes" in asked:
        return _show(asked)
    if "--version" in asked:
        from tfretry import __version__

        write_stderr(f"tfretry {__version__}\n".encode())
        terraform_argv = ["--version", *terraform_argv]
    terraform = find_terraform(wanted_terraform(own, terraform_argv, os.environ), os.environ)
    if "--version" in asked or not is_retriable_apply(terraform_argv, os.environ):
        signalmask.restore_for_exec(mask)
        replace_process(terraform, terraform_argv)
    return _apply(own, terraform, terraform_argv, mask)


def _check(own: Sequence[str], terraform_argv: Sequence[str], *, ended: bool) -> set[str]:
    pairs = list(own_pairs(own))
    for name, value in pairs:
        if name in TAKES_VALUE and value is None:
            raise TfretryError(f"{name} needs a value; see tfretry --help")
        if name in INSTEAD_OF_TERRAFORM and value is not None:
            raise TfretryError(f"{name} takes no value; see tfretry --help")
    misplaced = None if ended else misplaced_option(terraform_argv)
    if misplaced and misplaced.partition("=")[0] in OPTIONS:
        raise TfretryError(f"{misplaced} stands too late: tfretry's own options come before terraform's arguments")
    if misplaced:
        raise TfretryError(f"there is no option {misplaced}; see tfretry --help (terraform's own take one dash)")
    return {name for name, _ in pairs}


def _show(asked: set[str]) -> int:
    from tfretry.helptext import HELP, causes_table

    text = HELP if "--help" in asked else causes_table()
    try:
        with open(1, "wb", closefd=False) as stdout:
            stdout.write(text.encode())
    except OSError as error:
        raise TfretryError(f"cannot write to stdout ({error.strerror})") from error
    return 0


def _apply(own: Sequence[str], terraform: str, terraform_argv: Sequence[str], mask: AbstractSet[int]) -> int:
    import gc

    gc.disable()  # what is imported stays: to look through it for garbage, now or at our end, costs 15 ms
    from tfretry.apply import Apply
    from tfretry.command import Command
    from tfretry.config import load_settings
    from tfretry.signals import Signals, exit_like

    gc.freeze()
    gc.enable()
    settings = load_settings(own, os.environ, chdir(terraform_argv))
    command = Command.of(terraform, terraform_argv, os.environ)
    with Signals(mask) as signals:
        result = Apply(command, settings, os.environ, signals=signals).until_ready()
    return exit_like(result.exit_code)


def _confess() -> int:
    import traceback

    from tfretry import __version__

    report = f"tfretry: a fault of tfretry {__version__} itself; please report it with the lines above"
    write_stderr(f"{traceback.format_exc()}{report}\n".encode("utf-8", "replace"))
    return TfretryError.exit_code

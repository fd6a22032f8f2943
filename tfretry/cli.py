"""The command line: what is ours, what is terraform's, and errors as exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from tfretry.config.options import BY_NAME, GONE, actions_asked, split_argv, wanted_terraform
from tfretry.errors import TfretryError
from tfretry.process import signalmask
from tfretry.report.stderr import printable, write_stderr
from tfretry.terraform.arguments import chdir, is_retriable_apply, misplaced_option
from tfretry.terraform.binary import find_terraform, replace_process
from tfretry.terraform.recursion import is_retried_above, remember_start, started_already

OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)  # no descriptor, process or memory is left

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
    except Exception as error:  # noqa: BLE001  # what went wrong becomes an exit code here
        return _report_error(error)


def _run(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    if os.environ.get("COMP_LINE"):  # terraform, too, does nothing but complete then
        return _complete(argv, mask)
    own, terraform_argv = split_argv(argv)
    asked = actions_asked(own)
    if "--" not in argv[len(own) : len(own) + 1]:
        _check_for_ours(terraform_argv)
    if "--help" in asked or "--list-causes" in asked:
        return _show(asked)
    if "--version" in asked:
        terraform_argv = ["--version", *terraform_argv]
    started = started_already(terraform_argv, os.environ)
    wanted = wanted_terraform(own, os.environ, chdir(terraform_argv))
    terraform = ""
    try:
        terraform = find_terraform(wanted, os.environ, started, called=sys.argv[0])
    finally:
        if "--version" in asked:
            _show_version(terraform)
    is_ours = is_retriable_apply(terraform_argv, os.environ) and not is_retried_above(terraform_argv, os.environ)
    if "--version" in asked or not is_ours:
        signalmask.restore_for_exec(mask)
        remember_start(terraform, terraform_argv, os.environ)
        replace_process(terraform, terraform_argv)
    return _apply(own, terraform, terraform_argv, mask=mask)


def _complete(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    from tfretry.config.completion import fitting_options, words_before_cursor

    words = words_before_cursor(os.environ)
    own, rest = split_argv(words[:-1])
    with contextlib.suppress(OSError):  # nobody reads what fits
        os.write(1, "".join(f"{option}\n" for option in fitting_options(words)).encode())
    try:
        terraform = find_terraform(wanted_terraform(own, os.environ, chdir(rest)), os.environ, called=sys.argv[0])
    except TfretryError:  # no place for a sentence: it would stand in the middle of what is being typed
        return 0
    signalmask.restore_for_exec(mask)
    return replace_process(terraform, argv)


def _check_for_ours(terraform_argv: Sequence[str]) -> None:
    misplaced = misplaced_option(terraform_argv)
    name = misplaced.partition("=")[0] if misplaced else ""
    if name in GONE:
        raise TfretryError(f"{name} is gone: {GONE[name]}")
    if name in BY_NAME:
        raise TfretryError(f"{misplaced} stands too late: tfretry's own options come before terraform's arguments")
    if misplaced:
        raise TfretryError(f"there is no option {misplaced}; see tfretry --help (terraform's own take one dash)")


def _show(asked: set[str]) -> int:
    from tfretry.config.help import causes_table, help_text

    text = help_text() if "--help" in asked else causes_table()
    try:
        with open(1, "wb", closefd=False) as stdout:
            stdout.write(text.encode())
    except OSError as error:
        raise TfretryError(f"cannot write to stdout ({error.strerror})") from error
    return 0


def _show_version(terraform: str) -> None:
    from tfretry import __version__
    from tfretry.terraform.embedded import COMMAND

    embedded = f" (embedded terraform: {printable(terraform)})" if os.path.basename(terraform) == COMMAND else ""
    write_stderr(f"tfretry {__version__}{embedded}\n".encode("utf-8", "replace"))


def _apply(own: Sequence[str], terraform: str, terraform_argv: Sequence[str], *, mask: AbstractSet[int]) -> int:
    import gc

    gc.disable()  # what is imported stays: to look through it for garbage, now or at our end, costs 15 ms
    from tfretry.apply import Apply
    from tfretry.config.settings import load_settings
    from tfretry.process.signals import Signals, exit_like
    from tfretry.terraform.command import Command

    gc.freeze()
    gc.enable()
    settings = load_settings(own, os.environ, chdir(terraform_argv))
    command = Command.of(terraform, terraform_argv, os.environ)
    with Signals(mask) as signals:
        apply = Apply(command, settings, os.environ, signals=signals)
        try:
            exit_code = apply.run().exit_code
        except Exception as error:  # noqa: BLE001  # a fault of ours: what terraform has said stands all the same
            fault = _report_error(error)
            exit_code = fault if apply.exit_code is None else apply.exit_code
    return exit_like(exit_code)


def _report_error(error: Exception) -> int:
    """Say what went wrong: a sentence for what was to be expected, else all that helps to mend it; our exit code."""
    if isinstance(error, TfretryError):
        write_stderr(f"tfretry: {printable(str(error))}\n".encode("utf-8", "replace"))
        return error.exit_code
    if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
        write_stderr(f"tfretry: {printable(error.strerror or str(error))}\n".encode("utf-8", "replace"))
        return TfretryError.exit_code
    import traceback

    from tfretry import __version__

    told = "".join(traceback.format_exception(error))
    report = f"tfretry: a fault of tfretry {__version__} itself; please report it with the lines above"
    write_stderr(f"{told}{report}\n".encode("utf-8", "replace"))
    return TfretryError.exit_code

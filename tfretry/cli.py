"""The command line: which arguments are ours and which are terraform's, and the exit codes of errors."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tfretry.config.options import BY_NAME, GONE, Given, requested_actions, split_argv, wanted_terraform
from tfretry.errors import TfretryError
from tfretry.process import signalmask
from tfretry.report.stderr import printable, write_stderr
from tfretry.terraform.arguments import chdir, is_retriable_apply, misplaced_option
from tfretry.terraform.binary import find_terraform, replace_process
from tfretry.terraform.recursion import is_retried_above, remember_start, started_already

OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)  # of descriptors, processes or memory


def main(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    """Run tfretry with *argv* and return its exit code; a command that is not retried becomes terraform by exec.

    *mask* is the signal mask that `signalmask.block` returned.
    """
    try:
        return _run(argv, mask)
    except Exception as error:  # noqa: BLE001  # every error becomes an exit code here
        return _report_error(error)


def _run(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    if os.environ.get("COMP_LINE"):  # terraform, too, only completes then
        return _complete(argv, mask)
    given, rest = split_argv(argv)
    actions = requested_actions(given)
    _refuse_misplaced_option(rest)
    if "--help" in actions or "--list-causes" in actions:
        return _show(actions)
    terraform_argv = rest[1:] if rest[:1] == ["--"] else rest
    if "--version" in actions:
        return _version(given, ["--version", *terraform_argv], mask)
    terraform = _find_terraform(given, terraform_argv)
    if is_retriable_apply(terraform_argv, os.environ) and not is_retried_above(terraform_argv, os.environ):
        return _apply(given, terraform, terraform_argv, mask=mask)
    return _become(terraform, terraform_argv, mask)


def _find_terraform(given: Given, terraform_argv: Sequence[str]) -> str:
    # An outer tfretry may have started us, by a `terraform` that is a wrapper which leads back to us.
    started = started_already(terraform_argv, os.environ)
    wanted = wanted_terraform(given, os.environ, chdir(terraform_argv))
    return find_terraform(wanted, os.environ, started, called=sys.argv[0])


def _become(terraform: str, argv: Sequence[str], mask: AbstractSet[int], *, call: Sequence[str] | None = None) -> int:
    signalmask.restore_for_exec(mask)
    remember_start(terraform, argv if call is None else call, os.environ)
    return replace_process(terraform, argv)


def _version(given: Given, terraform_argv: Sequence[str], mask: AbstractSet[int]) -> int:
    terraform = ""
    try:
        terraform = _find_terraform(given, terraform_argv)
    finally:
        _show_version(terraform)
    return _become(terraform, terraform_argv, mask)


def _complete(argv: Sequence[str], mask: AbstractSet[int]) -> int:
    from tfretry.config.completion import fitting_options, words_before_cursor

    words = words_before_cursor(os.environ)
    given, rest = split_argv(words[:-1])
    with contextlib.suppress(OSError):  # nobody reads them
        os.write(1, "".join(f"{option}\n" for option in fitting_options(words)).encode())
    try:
        terraform = _find_terraform(given, rest)
    except TfretryError:  # a message would stand in the middle of the line that the user is typing
        return 0
    return _become(terraform, argv, mask, call=rest)


def _refuse_misplaced_option(rest: Sequence[str]) -> None:
    misplaced = misplaced_option(rest)
    name = misplaced.partition("=")[0] if misplaced else ""
    if name in GONE:
        raise TfretryError(f"{name} is gone: {GONE[name]}")
    if name in BY_NAME:
        raise TfretryError(f"{misplaced} is misplaced: tfretry's options come before terraform's arguments")
    if misplaced:
        raise TfretryError(f"there is no option {misplaced}; see tfretry --help (terraform's own take one dash)")


def _show(actions: AbstractSet[str]) -> int:
    from tfretry.config.help import causes_table, help_text

    text = help_text() if "--help" in actions else causes_table()
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
    _write_line(f"tfretry {__version__}{embedded}")


def _apply(given: Given, terraform: str, terraform_argv: Sequence[str], *, mask: AbstractSet[int]) -> int:
    import gc

    gc.disable()  # imported modules are never garbage: to scan them, now or at the end, costs 15 ms
    from tfretry.apply import Apply
    from tfretry.config.settings import load_settings
    from tfretry.process.signals import Signals, exit_like
    from tfretry.terraform.command import Command

    gc.freeze()
    gc.enable()
    settings = load_settings(given, os.environ, chdir(terraform_argv))
    command = Command.of(terraform, terraform_argv, os.environ)
    with Signals(mask) as signals:
        apply = Apply(command, settings, os.environ, signals=signals)
        try:
            exit_code = apply.run().exit_code
        except Exception as error:  # noqa: BLE001  # once terraform has run, its exit code is ours, whatever fails here
            own_code = _report_error(error)
            exit_code = own_code if apply.exit_code is None else apply.exit_code
    return exit_like(exit_code)


def _report_error(error: Exception) -> int:
    """Report *error* on stderr, in one sentence if it was expected, else with its traceback; return our exit code."""
    if isinstance(error, TfretryError):
        _write_line(f"tfretry: {printable(str(error))}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
        _write_line(f"tfretry: {printable(error.strerror or str(error))}")
        return TfretryError.exit_code
    import traceback

    from tfretry import __version__

    lines = "".join(traceback.format_exception(error))
    _write_line(f"{lines}tfretry: internal error in tfretry {__version__}; please report it with the lines above")
    return TfretryError.exit_code


def _write_line(line: str) -> None:
    write_stderr(f"{line}\n".encode("utf-8", "replace"))

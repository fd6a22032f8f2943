"""Start a program with sh, signal it and wait for it."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import sh

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError

logging.getLogger("sh").setLevel(logging.CRITICAL)  # it logs arguments, and values of -var are secrets


class Child:
    """A process that runs *argv* on the descriptors *stdio*; *prepare* is called in it before its exec.

    Raises TerraformNotExecutableError, TerraformNotFoundError.
    """

    def __init__(self, argv: Sequence[str], stdio: tuple[int, int, int], prepare: Callable[[], None]) -> None:
        self._command = _start(argv, stdio, prepare)

    def is_alive(self) -> bool:
        """Whether the process has not exited yet."""
        return bool(self._command.is_alive())

    def signal(self, signo: int) -> None:
        """Send *signo* to the process, if it still exists."""
        with contextlib.suppress(ProcessLookupError):
            self._command.signal(signo)

    def wait(self) -> int:
        """Wait for the process; return its exit code, which is negative if a signal killed it."""
        # The wait() of sh 2.2's command raises after a death by signal, whatever _ok_code says.
        return int(self._command.process.wait())


class _FsStr(str):
    """A string that sh encodes as os.fsencode does; its own strict encoding refuses bytes that are not UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:  # noqa: ARG002  # sh's choice is not ours
        return super().encode(sys.getfilesystemencoding(), "surrogateescape")


def _start(argv: Sequence[str], stdio: tuple[int, int, int], prepare: Callable[[], None]) -> Any:
    stdin, stdout, stderr = stdio
    try:
        command: Any = sh.Command(argv[0])
        command._path = _FsStr(argv[0])  # noqa: SLF001  # sh would normalise it and encode it strictly
        return command(
            [_FsStr(argument) for argument in argv[1:]],
            _in=stdin,
            _out=stdout,
            _err=stderr,
            _bg=True,  # makes the child ignore SIGHUP
            _bg_exc=False,
            _close_fds=False,  # our descriptors are close-on-exec; inheritable ones are our caller's, for terraform
            _preexec_fn=prepare,
        )
    except sh.CommandNotFound as error:
        raise TerraformNotFoundError(f"cannot run {argv[0]}: it does not exist or is not executable") from error
    except sh.ForkException as error:
        reason = str(error).strip().rpartition("] ")[2]  # the last line of a traceback
        raise TerraformNotExecutableError(f"cannot run {argv[0]}: {reason}") from error

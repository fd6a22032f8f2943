"""Inputs and outputs that only one apply can use: FIFOs and pipes."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping

from tfretry.process.channels import open_descriptors
from tfretry.terraform.words import Word

READ = frozenset({"exclude-file", "target-file", "var-file"})
WRITTEN = "json-into"
READ_BY_VARIABLE = "TF_CLI_CONFIG_FILE"
WRITTEN_BY_VARIABLE = "TF_LOG_PATH"
STDIN = "/dev/stdin"
DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")


def spent_option(options: Iterable[Word], in_folder: Callable[[str], str]) -> str | None:
    """Return which of *options* names a file that a second apply cannot use, as a clause; None if there is none.

    *in_folder* returns a path, relative to terraform's working directory, as a path from ours.
    """
    for name, value in ((word.name, word.value) for word in options):
        if name in READ and value and _is_read_once(in_folder(value)):
            return _read_once(f"-{name}={value}")
        if name == WRITTEN and value and _is_abandoned(in_folder(value)):
            return _abandoned(f"-{name}={value}")
        if name == "var" and value and _is_pipe_to_us(value.partition("=")[2].replace(STDIN, f"{DESCRIPTORS[0]}0")):
            return _read_once(f"-var={value.partition('=')[0]}")  # no value of a variable is shown
    return None


def spent_variable(environ: Mapping[str, str]) -> str | None:
    """Return the environment variable that names such a file, as a clause; None if there is none.

    Any variable may hold a `<(…)`, which any program may read.
    """
    if _is_read_once(environ.get(READ_BY_VARIABLE) or os.devnull):
        return _read_once(READ_BY_VARIABLE)
    if _is_abandoned(environ.get(WRITTEN_BY_VARIABLE) or os.devnull):
        return _abandoned(WRITTEN_BY_VARIABLE)
    name = next((name for name, value in environ.items() if _is_pipe_to_us(value)), None)
    return _read_once(name) if name else None


def _read_once(name: str) -> str:
    return f"{name} is not a regular file, so a second apply would read nothing"


def _abandoned(name: str) -> str:
    return f"{name} is a named pipe: its reader ends after the first apply, and a second apply would hang"


def _is_read_once(path: str) -> bool:
    # Except on Linux, a descriptor's path is read from the current offset on (fd(4)): even a regular file only once.
    if sys.platform != "linux" and path.startswith((STDIN, *DESCRIPTORS)):
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode) and not os.path.samefile(path, os.devnull)
    except OSError:
        return False  # terraform reports it


def _is_abandoned(path: str) -> bool:
    """Whether *path* is a FIFO that we do not hold open: its reader sees end-of-file when the first apply ends."""
    try:
        pipe = os.stat(path)
    except OSError:
        return False
    return stat.S_ISFIFO(pipe.st_mode) and not any(os.path.samestat(os.fstat(fd), pipe) for fd in open_descriptors())


def _is_pipe_to_us(value: str) -> bool:
    """Whether *value* is the path of the read end of a pipe that we hold, as a shell's `<(…)` makes it."""
    number = next((value.removeprefix(folder) for folder in DESCRIPTORS if value.startswith(folder)), "")
    if not number.isdecimal():
        return False
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(int(number)).st_mode)
        return is_pipe and fcntl.fcntl(int(number), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    except (OSError, OverflowError):
        return False

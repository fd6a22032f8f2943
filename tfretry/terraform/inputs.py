"""Inputs and outputs that only one apply can use: FIFOs and pipes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Mapping

READ = frozenset({"exclude-file", "target-file", "var-file"})
WRITTEN = "json-into"
READ_BY_VARIABLE = "TF_CLI_CONFIG_FILE"
WRITTEN_BY_VARIABLE = "TF_LOG_PATH"
DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")


def spent_option(options: Iterable[tuple[str, str | None]], in_folder: Callable[[str], str]) -> str | None:
    """Return which of *options* names a file that a second apply cannot use, as a clause; None if there is none.

    *in_folder* returns our path of a path that terraform opens.
    """
    for name, value in options:
        if name in READ and value and _is_read_once(in_folder(value)):
            return _read_once(f"-{name}={value}")
        if name == WRITTEN and value and _is_abandoned(in_folder(value)):
            return _abandoned(f"-{name}={value}")
        if name == "var" and value and _is_pipe_to_us(value.partition("=")[2]):
            return _read_once(f"-var={value}")
    return None


def spent_variable(environ: Mapping[str, str]) -> str | None:
    """Return which variable does, as a clause: any program may read `NAME=<(…)`, which is empty the second time."""
    if _is_read_once(environ.get(READ_BY_VARIABLE) or os.devnull):
        return _read_once(READ_BY_VARIABLE)
    if _is_abandoned(environ.get(WRITTEN_BY_VARIABLE) or os.devnull):
        return _abandoned(WRITTEN_BY_VARIABLE)
    name = next((name for name, value in environ.items() if _is_pipe_to_us(value)), None)
    return _read_once(name) if name else None


def _read_once(name: str) -> str:
    return f"{name} is no regular file and can be read only once"


def _abandoned(name: str) -> str:
    return f"{name} is a named pipe, and its reader ends with the first apply: a second would wait for another"


def _is_read_once(path: str) -> bool:
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
    return stat.S_ISFIFO(pipe.st_mode) and not any(_is_open_as(fd, pipe) for fd in map(int, os.listdir("/dev/fd")))


def _is_open_as(fd: int, file: os.stat_result) -> bool:
    with contextlib.suppress(OSError):  # listdir() has closed its own descriptor
        return os.path.samestat(os.fstat(fd), file)
    return False


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

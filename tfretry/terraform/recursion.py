"""Detect a `terraform` that only runs tfretry again: running it would never end.

The file shows whether it is a link to us or a copy of us. A script or a version manager's shim does not show it, since
other programs may come in between (`nice`, `aws-vault exec --`, a second script). So a variable in terraform's
environment records which binaries were started for which call, and how deeply tfretry is nested. A tfretry that finds
its own call there does not start the same binary again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from _blake2 import blake2b  # importing hashlib takes up to 19 ms: too long on the pass-through path
from collections.abc import Mapping, MutableMapping, Sequence

from tfretry.terraform.arguments import chdir, subcommand_index

VARIABLE = "TFRETRY_RUNNING"  # DEPTH:CALL:BINARY[:BINARY...]
DEPTH_LIMIT = 10  # for a wrapper that adds an argument each time, and so never repeats a call
DIGEST_SIZE = 8  # bytes


def started_already(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the binaries that an outer tfretry has started for the call *terraform_argv*."""
    depth, call, binaries = _outer(environ)
    return binaries if depth >= DEPTH_LIMIT or call == _call(terraform_argv, _folder(terraform_argv)) else ()


def is_retried_above(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether an outer tfretry runs the call *terraform_argv*, or the same without some adjacent arguments.

    Then that one retries: if every level of a wrapper that adds arguments did, their retries would multiply.
    """
    depth, call, _ = _outer(environ)
    if not call or depth >= DEPTH_LIMIT:
        return bool(call)
    folder, words = _folder(terraform_argv), _without_chdir(terraform_argv)
    count = int(call.partition("-")[0])
    added = len(words) - count
    without = ([*words[:at], *words[at + added :]] for at in range(count + 1))
    return added >= 0 and any(_call(argv, folder) == call for argv in without)


def leads_back(path: str, started: Sequence[str]) -> bool:
    """Whether *path* is tfretry itself, or one of the binaries *started*, which have called us."""
    return is_ourselves(path) or any(_is_same_file(path, binary) for binary in started)


def remember_start(binary: str, terraform_argv: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Record in *environ*, which the next program gets, that we start *binary* for the call *terraform_argv*."""
    depth, _, _ = _outer(environ)
    binaries = (*started_already(terraform_argv, environ), os.path.join(_current_folder(), binary))
    call = _call(terraform_argv, _folder(terraform_argv))
    fields = (str(depth + 1), call, *map(_quoted, binaries))
    environ[VARIABLE] = ":".join(fields)


def is_ourselves(path: str) -> bool:
    """Whether *path* is a link to tfretry or a copy of it."""
    if not sys.argv or not os.path.isfile(sys.argv[0]):
        return False
    return _is_same_file(path, sys.argv[0]) or _is_copy(path, sys.argv[0])


def _outer(environ: Mapping[str, str]) -> tuple[int, str, tuple[str, ...]]:
    """Return the depth, the call and the binaries in the variable; nothing if its value is not ours."""
    depth, call, *binaries = [*environ.get(VARIABLE, "").split(":"), ""]
    is_ours = depth.isdecimal() and call.partition("-")[0].isdecimal()
    return (int(depth[:4]), call, tuple(map(_unquoted, binaries[:-1]))) if is_ours else (0, "", ())


def _without_chdir(terraform_argv: Sequence[str]) -> list[str]:
    """Return the arguments without `-chdir`, which the folder stands for: a wrapper may go there by itself."""
    at = subcommand_index(terraform_argv)
    before = terraform_argv[:at]
    return [*(word for word in before if not word.startswith("-chdir=")), *terraform_argv[len(before) :]]


def _call(terraform_argv: Sequence[str], folder: str) -> str:
    """Return the number of arguments, and a digest of them and of the folder.

    The arguments themselves may be secrets, and environments are shown in more places than arguments are.
    """
    words = _without_chdir(terraform_argv)
    text = "\0".join([folder, *words])
    return f"{len(words)}-{blake2b(os.fsencode(text), digest_size=DIGEST_SIZE).hexdigest()}"


def _folder(terraform_argv: Sequence[str]) -> str:
    """Return terraform's working directory: that of `-chdir`, else the current one."""
    return os.path.normpath(os.path.join(_current_folder(), chdir(terraform_argv) or ""))


def _current_folder() -> str:
    with contextlib.suppress(OSError):  # it may have been removed
        return os.getcwd()
    return ""


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace(":", "%3A")


def _unquoted(field: str) -> str:
    return field.replace("%3A", ":").replace("%25", "%")


def _is_same_file(path: str, other: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samefile(path, other)
    return path == other


def _is_copy(path: str, other: str) -> bool:
    try:
        if os.path.getsize(path) != os.path.getsize(other):
            return False
        with open(path, "rb") as one, open(other, "rb") as two:
            return one.read() == two.read()
    except OSError:
        return False

"""Whether a binary that is called terraform only leads back to tfretry: running it would never end.

A link or a copy of us is told by its file. A script or a version manager's shim is not, whatever stands between it and
us (`nice`, `aws-vault exec --`, a second script). So one variable in terraform's environment remembers what has been
started for which call, and how deep; a tfretry that finds its own call there does not start the same binary again.
"""

from __future__ import annotations

import contextlib
import os
import sys
from _blake2 import blake2b  # hashlib costs up to 19 ms, which the pass-through path does not have

from tfretry.terraform.arguments import chdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

VARIABLE = "TFRETRY_RUNNING"  # DEPTH:CALL:BINARY[:BINARY...]
DEPTH_LIMIT = 10  # a wrapper that adds an argument each time never makes the same call twice
DIGEST_SIZE = 8  # bytes


def started_already(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """The binaries that tfretry has started above us for the call *terraform_argv*; none if we are not inside it."""
    depth, call, binaries = _outer(environ)
    return binaries if depth >= DEPTH_LIMIT or call == _call(terraform_argv, _folder(terraform_argv)) else ()


def is_retried_above(terraform_argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a tfretry above us runs the call *terraform_argv*, or was given the same less some in one place.

    It retries then: if each level of a wrapper that adds an argument did, ten of them would multiply the applies.
    """
    depth, call, _ = _outer(environ)
    if not call or depth >= DEPTH_LIMIT:
        return bool(call)
    folder = _folder(terraform_argv)
    count = int(call.partition("-")[0])
    added = len(terraform_argv) - count
    without = ([*terraform_argv[:at], *terraform_argv[at + added :]] for at in range(count + 1))
    return added >= 0 and any(_call(argv, folder) == call for argv in without)


def leads_back(path: str, started: Sequence[str]) -> bool:
    """Whether *path* is tfretry itself, or one of the binaries *started*, from which we have been reached."""
    return is_ourselves(path) or any(_is_same_file(path, binary) for binary in started)


def remember_start(binary: str, terraform_argv: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Note in *environ*, that of the next program, that it is *binary*, started for the call *terraform_argv*."""
    depth, _, _ = _outer(environ)
    binaries = (*started_already(terraform_argv, environ), os.path.join(_current_folder(), binary))
    call = _call(terraform_argv, _folder(terraform_argv))
    fields = (str(depth + 1), call, *map(_quoted, binaries))
    environ[VARIABLE] = ":".join(fields)


def is_ourselves(path: str) -> bool:
    """Whether *path* is tfretry under another name, or a copy of it."""
    if not sys.argv or not os.path.isfile(sys.argv[0]):
        return False
    return _is_same_file(path, sys.argv[0]) or _is_copy(path, sys.argv[0])


def _outer(environ: Mapping[str, str]) -> tuple[int, str, tuple[str, ...]]:
    """The depth, the call and the binaries that the variable tells; what somebody else put there tells nothing."""
    depth, call, *binaries = [*environ.get(VARIABLE, "").split(":"), ""]
    is_ours = depth.isdecimal() and call.partition("-")[0].isdecimal()
    return (int(depth[:4]), call, tuple(map(_unquoted, binaries[:-1]))) if is_ours else (0, "", ())


def _call(terraform_argv: Sequence[str], folder: str) -> str:
    """How many arguments, and a digest of them and the folder.

    Never the arguments: they hold secrets, and an environment is shown in more places than they are.
    """
    text = "\0".join([folder, *terraform_argv])
    return f"{len(terraform_argv)}-{blake2b(os.fsencode(text), digest_size=DIGEST_SIZE).hexdigest()}"


def _folder(terraform_argv: Sequence[str]) -> str:
    """Where terraform works: in the directory of `-chdir`, else in the current one."""
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

"""Which terraform is meant, and becoming it."""

from __future__ import annotations

import os

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError, TfretryError
from tfretry.terraform.recursion import is_ourselves, leads_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

NAMES = ("terraform", "tofu")


def find_terraform(wanted: str | None, environ: Mapping[str, str], started: Sequence[str] = ()) -> str:
    """The path of the terraform to run: *wanted* as a shell would find it, else `terraform` or `tofu` on PATH.

    Never ourselves, and none of *started*, from which we have been reached. Raises TerraformNotFoundError,
    TerraformNotExecutableError, and TfretryError where *wanted* leads back to us, or nothing else is there.
    """
    if wanted:
        return _find_wanted(wanted, environ, started)
    passed_over = None
    for name in NAMES:
        for path in _on_path(name, environ):
            if not leads_back(path, started):
                return path
            passed_over = path
    if passed_over:
        raise _only_ourselves(passed_over)
    raise _none_on_path(environ)


def _only_ourselves(path: str) -> TfretryError:
    rest = "and there is no other terraform on PATH; pass --terraform PATH or set TFRETRY_TERRAFORM"
    if is_ourselves(path):
        return TerraformNotFoundError(f"{path} is tfretry itself {rest}")
    return TfretryError(f"{path} leads back to tfretry {rest}")


def _find_wanted(wanted: str, environ: Mapping[str, str], started: Sequence[str]) -> str:
    path = wanted if os.sep in wanted else _named_on_path(wanted, environ)
    if path is None or not os.path.exists(path):
        raise TerraformNotFoundError(f"cannot find {wanted!r}; --terraform takes a path or a name on PATH")
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        raise TerraformNotExecutableError(f"{path} cannot be executed; --terraform takes an executable")
    if is_ourselves(path):
        raise TfretryError(f"{path} is tfretry itself; --terraform takes the path of the real terraform")
    if leads_back(path, started):
        raise TfretryError(f"{path} leads back to tfretry; --terraform takes the path of the real terraform")
    return path


def _named_on_path(name: str, environ: Mapping[str, str]) -> str | None:
    """As a shell has it: what can be executed comes first, what cannot is found all the same."""
    others = (path for path in _candidates(name, environ) if os.path.isfile(path))
    return next(_on_path(name, environ), None) or next(others, None)


def _none_on_path(environ: Mapping[str, str]) -> TfretryError:
    for name in NAMES:
        for path in _candidates(name, environ):
            if os.path.isfile(path):
                return TerraformNotExecutableError(f"{path} is not executable; see its permissions")
    return TerraformNotFoundError("cannot find terraform or tofu on PATH; install one or pass --terraform PATH")


def _candidates(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    # shutil.which() would do, but importing it costs more than the whole search.
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(folder or os.curdir, name)


def _on_path(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    for path in _candidates(name, environ):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def replace_process(path: str, arguments: Sequence[str]) -> NoReturn:
    """Become terraform: its bytes, signals, terminal and exit code are then its own.

    Raises TerraformNotExecutableError where the kernel refuses it.
    """
    try:
        os.execv(path, [path, *arguments])
    except OSError as error:
        raise TerraformNotExecutableError(f"{path} cannot be executed ({error.strerror})") from error

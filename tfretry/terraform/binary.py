"""Find the terraform to run, and replace this process with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError, TfretryError
from tfretry.terraform.recursion import is_ourselves, leads_back

TYPE_CHECKING = False  # typing's own constant, without its import time on the pass-through path
if TYPE_CHECKING:
    from typing import NoReturn

NAMES = ("terraform", "tofu")
EMBEDDED = "terraform"  # the embedded one is not tofu
GET_EMBEDDED = "install one with tfretry: pip install 'tfretry[terraform]'"


def find_terraform(
    wanted: str | None, environ: Mapping[str, str], started: Sequence[str] = (), *, called: str = ""
) -> str:
    """Return the path of the terraform to run: *wanted* as a shell would find it, else `terraform` or `tofu` on PATH.

    Skip ourselves, and the binaries *started*, which have called us. If *called*, the name under which we run, is
    `terraform` or `tofu`, look for that one only. If PATH has no terraform, use the embedded one, if it is installed.
    Raises TerraformNotFoundError, TerraformNotExecutableError, and TfretryError if there is only a path back to us.
    """
    if wanted and os.sep in wanted:
        return _checked(wanted, started)
    name = os.path.basename(called)
    names = (wanted,) if wanted else (name,) if name in NAMES else NAMES
    for path in _on_path(names, environ):
        if not leads_back(path, started):
            return path
    may_be_embedded = EMBEDDED in names and not wanted
    error = _none_on_path(names, environ, get_one=f", or {GET_EMBEDDED}" if may_be_embedded else "")
    if may_be_embedded and not isinstance(error, TerraformNotExecutableError):
        from tfretry.terraform.embedded import find_embedded

        if embedded := find_embedded(environ):
            return embedded
    raise error


def _checked(path: str, started: Sequence[str]) -> str:
    if not os.path.exists(path):
        raise TerraformNotFoundError(f"cannot find {path!r}; --terraform takes a path or a name on PATH")
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        raise TerraformNotExecutableError(f"{path} cannot be executed; --terraform takes an executable")
    if is_ourselves(path):
        raise TfretryError(f"{path} is tfretry itself; --terraform takes the path of the real terraform")
    if leads_back(path, started):
        raise TfretryError(f"{path} leads back to tfretry; --terraform takes the path of the real terraform")
    return path


def _none_on_path(names: Sequence[str], environ: Mapping[str, str], *, get_one: str) -> TfretryError:
    either = " or ".join(names)
    if skipped := next(_on_path(names, environ), None):
        rest = f"and there is no other {either} on PATH; pass --terraform PATH, set TFRETRY_TERRAFORM{get_one}"
        if is_ourselves(skipped):
            return TerraformNotFoundError(f"{skipped} is tfretry itself {rest}")
        return TfretryError(f"{skipped} leads back to tfretry {rest}")
    for path in _candidates(names, environ):
        if os.path.isfile(path):
            return TerraformNotExecutableError(f"{path} is not executable; see its permissions")
    return TerraformNotFoundError(f"cannot find {either} on PATH; install it, pass --terraform PATH{get_one}")


def _candidates(names: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    # shutil.which() would do, but importing it costs more than the whole search.
    for name in names:
        for folder in environ.get("PATH", os.defpath).split(os.pathsep):
            yield os.path.join(folder or os.curdir, name)


def _on_path(names: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    for path in _candidates(names, environ):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def replace_process(path: str, arguments: Sequence[str]) -> NoReturn:
    """Replace this process with terraform; raises TerraformNotExecutableError if the kernel refuses to execute it."""
    try:
        os.execv(path, [path, *arguments])
    except OSError as error:
        raise TerraformNotExecutableError(f"{path} cannot be executed ({error.strerror})") from error

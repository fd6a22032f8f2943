"""Where .tfretry.toml is and what it holds; importing this costs nothing."""

from __future__ import annotations

import os

from tfretry.errors import TfretryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE_NAME = ".tfretry.toml"


def find(directory: str | None) -> str | None:
    """The file of *directory*, that of `-chdir`, else of the current one; None where there is none."""
    for folder in (directory, os.curdir):
        if folder is not None and os.path.lexists(os.path.join(folder, FILE_NAME)):
            return os.path.normpath(os.path.join(folder, FILE_NAME))
    return None


def read(path: str) -> dict[str, Any]:
    """The whole file; raises TfretryError where it cannot be read or is no TOML."""
    import tomllib  # only where there is a file to read

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise TfretryError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def terraform_key(directory: str | None) -> str | None:
    """The key `terraform` alone: no other mistake in the file stops a command that is passed through."""
    path = find(directory)
    if path is None:
        return None
    try:
        value = read(path).get("terraform")
    except TfretryError:
        return None
    return value if isinstance(value, str) else None

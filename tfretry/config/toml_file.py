"""Find and read .tfretry.toml; every command imports this, so it imports nothing heavy."""

from __future__ import annotations

import os

from tfretry.errors import TfretryError

FILE_NAME = ".tfretry.toml"


def find(directory: str | None) -> str | None:
    """Return the path of the file in *directory*, that of `-chdir`, else in the current one; None if there is none."""
    for folder in (directory, os.curdir):
        if folder is not None and os.path.lexists(os.path.join(folder, FILE_NAME)):
            return os.path.normpath(os.path.join(folder, FILE_NAME))
    return None


def read(path: str) -> dict[str, object]:
    """Return the content of the file; raise TfretryError if it cannot be read or is not TOML."""
    import tomllib  # only where there is a file to read

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise TfretryError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def terraform_key(directory: str | None) -> str | None:
    """Return the key `terraform` alone: no other mistake in the file stops a command that is passed through."""
    path = find(directory)
    if path is None:
        return None
    try:
        value = read(path).get("terraform")
    except TfretryError:
        return None
    return value if isinstance(value, str) else None

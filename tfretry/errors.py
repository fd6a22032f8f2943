"""What can go wrong before terraform runs: each error is an exit code and a sentence."""

from __future__ import annotations


class TfretryError(Exception):
    """Our own misuse or failure; 125 as with env(1), nice(1) and timeout(1)."""

    exit_code = 125


class TerraformNotFoundError(TfretryError):
    """There is no terraform to run; 127 as in a shell."""

    exit_code = 127


class TerraformNotExecutableError(TfretryError):
    """There is a terraform, but it cannot be executed; 126 as in a shell."""

    exit_code = 126

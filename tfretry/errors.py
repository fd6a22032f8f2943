"""What can go wrong before terraform runs, each an exit code and a sentence; and what ends the retries early."""

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


class InterruptedRetryError(Exception):
    """A stop signal came between two attempts."""

    def __init__(self, number: int, meanwhile: str = "nothing was running") -> None:
        super().__init__(number)
        self.number = number
        self.meanwhile = meanwhile


class NotRetriedError(Exception):
    """A retry would be right, but is not made: why, in a clause."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PlanError(Exception):
    """The rest of an approved plan is not applied: *reason* says why in a clause, *details* in sentences."""

    def __init__(self, reason: str, *details: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details

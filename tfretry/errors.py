"""The expected failures, each with a sentence, and an exit code if it ends tfretry."""

from __future__ import annotations


class TfretryError(Exception):
    """A misuse or a failure of tfretry; exit code 125, as of env(1), nice(1) and timeout(1)."""

    exit_code = 125


class TerraformNotFoundError(TfretryError):
    """There is no terraform to run; exit code 127, as of a shell."""

    exit_code = 127


class TerraformNotExecutableError(TfretryError):
    """There is a terraform, but it cannot be executed; exit code 126, as of a shell."""

    exit_code = 126


class InterruptedRetryError(TfretryError):
    """The terminating signal *number* came between two attempts; *meanwhile* is a clause that ends the sentence."""

    def __init__(self, number: int, meanwhile: str = "nothing was running") -> None:
        super().__init__(f"signal {number}; {meanwhile}")
        self.number = number
        self.meanwhile = meanwhile


class NotRetriedError(TfretryError):
    """The failure is retryable, but there is no retry; the message says why in a clause."""


DAMAGED_PLAN = "the plan file is damaged"


class PlanError(TfretryError):
    """The rest of an approved plan is not applied: the message says why in a clause, *details* in sentences."""

    def __init__(self, reason: str, *details: str) -> None:
        super().__init__(reason)
        self.details = details

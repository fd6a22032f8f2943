"""The file of --report: a JSON record of the run, written atomically. Its schema is report.schema.json."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Finding
from tfretry.report.events import Event, Interrupted, NotContinued, NotRetried
from tfretry.result import Result
from tfretry.terraform.command import redacted

SCHEMA = "tfretry-report/1"


def record(result: Result, *, terraform: str) -> dict[str, Any]:
    """Return the record of *result*; it holds no value of a `-var`."""
    return {
        "schema": SCHEMA,
        "outcome": result.outcome,
        "exit_code": result.exit_code if result.exit_code >= 0 else 128 - result.exit_code,
        "reason": _reason(result.event),
        "details": list(result.event.details) if isinstance(result.event, NotContinued) else [],
        "terraform": {"path": terraform, "version": result.attempts[0].version},
        "attempts": [_attempt(result.attempts, index) for index in range(len(result.attempts))],
    }


def _reason(event: Event | None) -> str | None:
    if isinstance(event, Interrupted):
        return event.meanwhile
    return event.reason if isinstance(event, NotRetried | NotContinued) else None


def _attempt(attempts: Sequence[Attempt], index: int) -> dict[str, Any]:
    attempt = attempts[index]
    waited_s = attempt.began_s - attempts[index - 1].ended_s if index else 0.0
    return {
        "started": datetime.fromtimestamp(attempt.started, UTC).isoformat(timespec="milliseconds"),
        "duration_s": round(attempt.duration_s, 3),
        "waited_s": round(waited_s, 3),
        "exit_code": attempt.exit_code,
        "errors": [_error(finding) for finding in attempt.diagnosis.findings],
        "error_count": attempt.diagnosis.errors,
        "command": [os.fsencode(word).decode("utf-8", "replace") for word in redacted(attempt.argv)],
    }


def _error(finding: Finding) -> dict[str, Any]:
    return {
        "address": finding.address,
        "summary": finding.summary,
        "cause": finding.cause.name if finding.cause else None,
    }


def write_record(content: dict[str, Any], path: str) -> None:
    """Write *content* to *path*, or to the file that it links to; raise OSError or ValueError.

    A regular file is replaced as a whole; to anything else, as a FIFO or /dev/fd/3, *content* is appended.
    """
    data = json.dumps(content, indent=2, ensure_ascii=True).encode("ascii") + b"\n"
    is_special = os.path.exists(path) and not os.path.isfile(path)
    # A descriptor may be a regular file, such as the log that the caller writes.
    if is_special or path.startswith("/dev/"):
        _append(path, data)
    else:
        _replace(os.path.realpath(path), data)


def _append(path: str, data: bytes) -> None:
    # A FIFO without a reader would block open() for ever, but for O_NONBLOCK.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(data)


def _replace(path: str, data: bytes) -> None:
    temporary = os.path.join(os.path.dirname(path), f".tfretry-{os.urandom(8).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise

"""The file of --report: one JSON record of the run, written atomically. Its schema is report.schema.json."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tfretry.attempt import Attempt
from tfretry.causes.diagnosis import Finding
from tfretry.result import Result
from tfretry.terraform.command import redacted

SCHEMA = "tfretry-report/1"


def record(result: Result, *, terraform: str) -> dict[str, Any]:
    """The record of *result*: no value of a `-var` is in it."""
    return {
        "schema": SCHEMA,
        "outcome": result.outcome,
        "exit_code": result.exit_code if result.exit_code >= 0 else 128 - result.exit_code,
        "reason": result.reason,
        "details": list(result.details),
        "terraform": {"path": terraform, "version": result.first.version},
        "attempts": [_attempt(result.attempts, index) for index in range(len(result.attempts))],
    }


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
    """Write *content* to *path*, or to what it links to: whole or not at all; raises OSError, ValueError."""
    data = json.dumps(content, indent=2, ensure_ascii=True).encode("ascii") + b"\n"
    target = os.path.realpath(path)
    # What is behind a descriptor cannot be replaced (/dev/stderr, /dev/fd/3), nor can a FIFO.
    if target.startswith(("/proc/", "/dev/")) or _leads_to_descriptor(path) or _is_no_regular_file(target):
        _write_into(path, data)
    else:
        _replace(target, data)


def _leads_to_descriptor(path: str) -> bool:
    while os.path.islink(path):
        path = os.path.join(os.path.dirname(path), os.readlink(path))
        if re.match(r"/(dev|proc/\w+)/fd/", os.path.normpath(path)):
            return True
    return bool(re.match(r"/(dev|proc/\w+)/fd/", os.path.abspath(path)))


def _is_no_regular_file(path: str) -> bool:
    return os.path.exists(path) and not os.path.isfile(path)


def _write_into(path: str, data: bytes) -> None:
    # Without a reader, opening a FIFO would wait for one for ever.
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(data)


def _replace(target: str, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".tfretry-", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask

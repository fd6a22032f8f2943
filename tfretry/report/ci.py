"""Report to CI systems: an annotation on stderr, a table in the step summary."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tfretry.attempt import Attempt
from tfretry.report.events import Event
from tfretry.result import Result

TITLE = "tfretry"
MARKDOWN = re.compile(r"[\\`*_\[\]|<>&#]")
HEADINGS = ("attempt", "started (UTC)", "duration", "exit code", "error")


def annotation(event: Event, environ: Mapping[str, str]) -> str:
    """Return the line that the runner turns into an annotation; empty if *event* has none there.

    GitHub: "Workflow commands for GitHub Actions". Azure: "Logging commands", which has no level below warning.
    """
    level = event.annotation
    if level and environ.get("GITHUB_ACTIONS") == "true":
        return f"::{level} title={TITLE}::{_escaped(event.message, percent='%25')}\n"
    if level == "warning" and environ.get("TF_BUILD", "").lower() == "true":
        return f"##vso[task.logissue type=warning]{TITLE}: {_escaped(event.message, percent='%AZP25')}\n"
    return ""


def append_summary(result: Result, event: Event, environ: Mapping[str, str]) -> None:
    """Append *event* and a table of the attempts to GitHub's step summary; do nothing if it cannot be written."""
    path = environ.get("GITHUB_STEP_SUMMARY", "")
    is_special = os.path.exists(path) and not os.path.isfile(path)  # opening a FIFO could block for ever
    if environ.get("GITHUB_ACTIONS") != "true" or not path or is_special:
        return
    rows = [_row(number, attempt) for number, attempt in enumerate(result.attempts, 1)]
    message = ["```text", event.message.replace("```", "` ` `"), "```", ""]
    table = [_cells(HEADINGS), _cells(["---"] * len(HEADINGS)), *rows]
    lines = [f"### {TITLE}: {result.outcome}", "", *message, *table, "", ""]
    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8", errors="replace") as file:
        file.write("\n" * _ends_mid_line(path) + "\n".join(lines))


def _ends_mid_line(path: str) -> bool:
    """Return whether another step has left the last line of the file open."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() not in (b"", b"\n")


def _row(number: int, attempt: Attempt) -> str:
    started = datetime.fromtimestamp(attempt.started, UTC).strftime("%H:%M:%S")
    first = attempt.diagnosis.unexplained or attempt.diagnosis.first_match
    error = f"{first.address or ''} {first.summary}".strip() if first else ""
    return _cells([str(number), started, f"{attempt.duration_s:.1f} s", str(attempt.exit_code), error])


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(MARKDOWN.sub(_as_entity, cell) for cell in cells)} |"


def _as_entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


def _escaped(message: str, *, percent: str) -> str:
    return message.replace("%", percent).replace("\n", "%0A")  # it has no other control character

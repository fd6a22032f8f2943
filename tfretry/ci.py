"""How CI systems want to be told: an annotation on stderr, a table in the step summary."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

from tfretry.attempts import Attempt
from tfretry.result import Result

TITLE = "tfretry"
LEVELS = {"applied": "notice", "gave up": "warning", "not retried": "warning", "refused": "warning"}
HEADINGS = ("attempt", "started (UTC)", "duration", "exit code", "error")


def annotation(event: str, text: str, environ: Mapping[str, str]) -> str:
    """The line that the runner turns into an annotation; empty where it knows none for *event*.

    GitHub: "Workflow commands for GitHub Actions". Azure: "Logging commands", which has no level below warning.
    """
    level = LEVELS.get(event)
    if level and environ.get("GITHUB_ACTIONS") == "true":
        return f"::{level} title={TITLE}::{_github_escaped(text)}\n"
    if level == "warning" and environ.get("TF_BUILD", "").lower() == "true":
        return f"##vso[task.logissue type=warning]{TITLE}: {_azure_escaped(text)}\n"
    return ""


def append_summary(result: Result, environ: Mapping[str, str]) -> None:
    """Append a table of the attempts to GitHub's step summary; a file that cannot be written is passed over."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if environ.get("GITHUB_ACTIONS") != "true" or not path:
        return
    rows = [_row(number, attempt) for number, attempt in enumerate(result.attempts, 1)]
    table = [f"### {TITLE}: {result.ending}", "", _cells(HEADINGS), _cells(["---"] * len(HEADINGS)), *rows, "", ""]
    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8", errors="replace") as file:
        file.write("\n".join(table))


def _row(number: int, attempt: Attempt) -> str:
    started = datetime.fromtimestamp(attempt.started, UTC).strftime("%H:%M:%S")
    first = attempt.diagnosis.obstacle or attempt.diagnosis.healing
    error = f"{first.address or ''} {first.summary}".strip() if first else ""
    return _cells([str(number), started, f"{attempt.duration_s:.1f} s", str(attempt.exit_code), error])


def _cells(cells: tuple[str, ...] | list[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _github_escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _azure_escaped(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")

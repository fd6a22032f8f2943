"""The machine-readable messages of `-json`, one object a line, from terraform 0.15.3 on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tfretry.output.diagnostic import UNREADABLE, Diagnostic
from tfretry.output.lines import ANSI, LINE_LIMIT, clean, unwrap
from tfretry.output.text_block import Block
from tfretry.terraform import messages

FIELD = r'"{}":\s*"((?:[^"\\]|\\.)*)'
ADDRESS_LIMIT = 4096
SEVERITY = re.compile(r'"diagnostic":\s*\{"severity":\s*"(\w+)"')


def may_report(line: bytes) -> bool:
    """Whether *line* may hold the message of a diagnostic, perhaps cut off before it says so.

    A message stands at the start of a line, or behind a prompt. Behind anything else it is a quotation, in a plan, in a
    log or in the output of a command. (A plan indents its values more than a prompt.)
    """
    if line.startswith(messages.ERROR_MESSAGE):
        return True
    if messages.DIAGNOSTIC not in line:
        return False
    before, start, _ = line.partition(messages.JSON_MESSAGE)
    if not start or not before:
        return line.startswith(b"{")
    return messages.PROMPT.fullmatch(clean(before)) is not None


def message(line: bytes) -> Mapping[str, Any]:
    """Return the JSON object in *line*, wherever it begins; an empty one if it cannot be read."""
    try:
        found = json.loads(_text_of(line))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def diagnostics_of(line: bytes, *, certain: bool) -> list[Diagnostic]:
    """Return the errors that the message in *line* can be read as; UNREADABLE for one that is damaged.

    *certain*: see Layout.
    """
    body = message(line)
    if not body:
        return _damaged(line)
    diagnostic = body.get("diagnostic")
    if body.get("type") != "diagnostic" or not isinstance(diagnostic, dict):
        return []
    snippet = diagnostic.get("snippet")
    context = snippet.get("context") if isinstance(snippet, dict) else None
    summary, detail, address = (_string(diagnostic.get(name)) for name in ("summary", "detail", "address"))
    severity = "Warning" if diagnostic.get("severity") == "warning" else "Error"
    block_name = f", in {context}" if isinstance(context, str) and context else ""
    # File and line are made up: Layout reads only the name of the block.
    place = f"  on x line 1{block_name}:" if diagnostic.get("range") else ""
    return _read(severity, summary, detail, address=address, place=place, certain=certain)


def _damaged(line: bytes) -> list[Diagnostic]:
    text = _text_of(line)
    severity = SEVERITY.search(text)
    if severity and severity[1] == "warning":
        return []
    if severity and len(line) >= LINE_LIMIT:
        summary, detail, address = (_cut_field(text, name) for name in ("summary", "detail", "address"))
        return _read("Error", summary, detail, address=address, certain=True, truncated=True)
    return [UNREADABLE] if severity or line.startswith(messages.ERROR_MESSAGE) else []


def _cut_field(text: str, name: str) -> str:
    """Return the value of a field, which may be cut off."""
    if not (found := re.search(FIELD.format(name), text)):
        return ""
    try:
        return str(json.loads(f'"{found[1]}"'))
    except ValueError:
        return found[1]


def _read(
    severity: str,
    summary: str,
    detail: str,
    *,
    address: str,
    certain: bool,
    place: str = "",
    truncated: bool = False,
) -> list[Diagnostic]:
    """Read it as the lines that terraform prints for people, so that both formats give the same errors."""
    found: list[Diagnostic] = []
    block = Block("json", found.append, certain=certain)
    first, *more = summary.split("\n")
    address = unwrap([address[:ADDRESS_LIMIT]])
    location = [*([f"  with {address},"] if address else []), *([place, ""] if place else [])]
    block.head(severity, ANSI.sub("", first))
    for line in [*more, "", *location, *detail.split("\n")]:
        block.add(ANSI.sub("", line))
    block.close(truncated=truncated)
    return found


def _text_of(line: bytes) -> str:
    return line[max(0, line.find(messages.JSON_MESSAGE)) :].decode("utf-8", "replace")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""

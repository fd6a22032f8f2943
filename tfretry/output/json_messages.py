"""The machine-readable messages of `-json`: one object a line, written by terraform 0.15.3 and later."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tfretry.output.diagnostic import UNREADABLE, Diagnostic
from tfretry.output.lines import ANSI, LINE_LIMIT, clean
from tfretry.output.local_exec import unwrap
from tfretry.output.text_block import Block

if TYPE_CHECKING:
    from collections.abc import Mapping

# Keys are sorted. Within a JSON string every quote is escaped, so this cannot be found inside somebody's text.
START = b'{"@level"'
ERROR = b'{"@level":"error"'
NEEDLE = b'"diagnostic"'
# A message stands at line start, or where a prompt left the cursor. Behind anything else it is quoted: by a plan, by a
# log, by what a command printed. A plan indents its values by more than a prompt.
PROMPT = re.compile(r" {0,2}Enter a value: *")
FIELD = r'"{}":\s*"((?:[^"\\]|\\.)*)'
ADDRESS_LIMIT = 4096
SEVERITY = re.compile(r'"diagnostic":\s*\{"severity":\s*"(\w+)"')


def may_report(line: bytes) -> bool:
    """Whether *line* may hold the message of a diagnostic, perhaps cut off before it says so."""
    if line.startswith(ERROR):
        return True
    if NEEDLE not in line:
        return False
    before, start, _ = line.partition(START)
    if not start or not before:
        return line.startswith(b"{")
    return PROMPT.fullmatch(clean(before)) is not None


def message(line: bytes) -> Mapping[str, Any]:
    """The JSON object that *line* holds, wherever it begins; empty if there is none that can be read."""
    try:
        found = json.loads(_text_of(line))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def diagnostics_of(line: bytes, *, certain: bool) -> list[Diagnostic]:
    """The errors that the message on *line* can be read as; one that cannot be read is an error without text.

    *certain*: no other diagnostic stands before it.
    """
    body = message(line)
    if not body:
        return _damaged(line)
    said = body.get("diagnostic")
    if body.get("type") != "diagnostic" or not isinstance(said, dict):
        return []
    snippet = said.get("snippet")
    context = snippet.get("context") if isinstance(snippet, dict) else None
    summary, detail, address = (_string(said.get(name)) for name in ("summary", "detail", "address"))
    severity = "Warning" if said.get("severity") == "warning" else "Error"
    within = f", in {context}" if isinstance(context, str) and context else ""
    where = f"  on x line 1{within}:" if said.get("range") else ""
    return _read(severity, summary, detail, address=address, where=where, certain=certain)


def _damaged(line: bytes) -> list[Diagnostic]:
    text = _text_of(line)
    severity = SEVERITY.search(text)
    if severity and severity[1] == "warning":
        return []
    if severity and len(line) >= LINE_LIMIT:
        summary, detail, address = (_cut(text, name) for name in ("summary", "detail", "address"))
        return _read("Error", summary, detail, address=address, certain=True, truncated=True)
    return [UNREADABLE] if severity or line.startswith(ERROR) else []


def _cut(text: str, name: str) -> str:
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
    where: str = "",
    truncated: bool = False,
) -> list[Diagnostic]:
    """Read it as the lines that the shapes for people have of it."""
    found: list[Diagnostic] = []
    block = Block("json", found.append, certain=certain)
    first, *more = summary.split("\n")
    address = unwrap([address[:ADDRESS_LIMIT]])
    location = [*([f"  with {address},"] if address else []), *([where, ""] if where else [])]
    block.head(severity, ANSI.sub("", first))
    for line in [*more, "", *location, *detail.split("\n")]:
        block.add(ANSI.sub("", line))
    block.close(truncated=truncated)
    return found


def _text_of(line: bytes) -> str:
    return line[max(0, line.find(START)) :].decode("utf-8", "replace")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""

"""The machine-readable messages of `-json`: one object a line, written by terraform 0.15.3 and later."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tfretry.lines import ANSI, LINE_LIMIT
from tfretry.shapes import Diagnostic, Text, address_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Within a JSON string every quote is escaped, so this cannot be found inside somebody's text.
START = b'{"@level"'
NEEDLE = b'"diagnostic"'
FIELD = r'"{}":"((?:[^"\\]|\\.)*)'
SEVERITY = re.compile(r'"diagnostic":\{"severity":"(\w+)"')


def message(line: bytes) -> Mapping[str, Any]:
    """The JSON object that *line* holds, wherever it begins; empty if there is none that can be read."""
    try:
        found = json.loads(line[max(0, line.find(START)) :].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def diagnostics_of(line: bytes) -> Iterator[Diagnostic]:
    """The error that the message on *line* reports; one that cannot be read is an error without text."""
    if START not in line:
        return
    body = message(line)
    if not body:
        yield from _damaged(line)
        return
    said = body.get("diagnostic")
    if body.get("type") != "diagnostic" or not isinstance(said, dict) or said.get("severity") == "warning":
        return
    snippet = said.get("snippet")
    context = snippet.get("context") if isinstance(snippet, dict) else None
    yield from _text(
        *(_string(said.get(name)) for name in ("summary", "detail", "address")), context=_string(context)
    ).diagnostics()


def _damaged(line: bytes) -> Iterator[Diagnostic]:
    text = line[line.find(START) :].decode("utf-8", "replace")
    severity = SEVERITY.search(text)
    if severity is None or severity[1] == "warning":
        return
    if len(line) < LINE_LIMIT:
        yield Diagnostic(summary="", detail="", address=None, shape="json", truncated=True)
        return
    yield from _text(*(_cut(text, name) for name in ("summary", "detail", "address")), truncated=True).diagnostics()


def _cut(text: str, name: str) -> str:
    if not (found := re.search(FIELD.format(name), text)):
        return ""
    try:
        return str(json.loads(f'"{found[1]}"'))
    except ValueError:
        return found[1]


def _text(summary: str, detail: str, address: str, *, context: str = "", truncated: bool = False) -> Text:
    return Text(
        summary=[ANSI.sub("", line) for line in summary.split("\n")],
        detail=[ANSI.sub("", line) for line in detail.split("\n")],
        address=address or address_in(context),
        shape="json",
        truncated=truncated,
    )


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""

"""Render events as text for people or as JSON lines for programs: structlog's processors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

PREFIX = "tfretry: "
COLOURS = {"info": 32, "warn": 33, "error": 31}  # ECMA-48: green, yellow, red


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Return whether to colour our lines: NO_COLOR decides, then FORCE_COLOR, then whether stderr is a terminal."""
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR", "")
    return forced not in ("", "0") or (os.isatty(2) and environ.get("TERM") != "dumb")


def text_renderer(*, colour: bool) -> Processor:
    """Return the processor that renders an event as its message, each line with a prefix."""

    def render(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> str:
        event = event_dict["event"]
        prefix = f"\x1b[{COLOURS[event.level]}mtfretry:\x1b[0m " if colour else PREFIX
        return "\n".join(prefix + line for line in event.message.split("\n"))

    return render


def as_terraform_message(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Return an event in the form of a message of `terraform apply -json`, whose first member is its level."""
    event = event_dict["event"]
    return {
        "@level": event.level,
        "@message": _encodable(event.message),
        "@module": "tfretry",
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
        "type": event.type,
        **{name: _encodable(value) for name, value in event.members().items()},
    }


def _encodable(value: object) -> object:
    """Return a text, or several, without what no UTF-8 can encode, such as a path of other bytes."""
    if isinstance(value, tuple):
        return [_encodable(each) for each in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


JSON: list[Processor] = [as_terraform_message, structlog.processors.JSONRenderer(separators=(",", ":"))]

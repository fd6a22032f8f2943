"""How an event becomes text: sentences for people, or JSON lines for machines. Processors of structlog."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tfretry.report.events import EVENTS, sentence

PREFIX = "tfretry: "


def wants_colour(environ: Mapping[str, str]) -> bool:
    """NO_COLOR, then FORCE_COLOR, then whether stderr is a terminal."""
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR", "")
    return forced not in ("", "0") or (os.isatty(2) and environ.get("TERM") != "dumb")


def text_renderer(*, colour: bool) -> Processor:
    """Renders an event as the sentence that sentences.py has for it."""

    def render(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> str:
        event = event_dict.pop("event")
        prefix = f"\x1b[{EVENTS[event].colour}mtfretry:\x1b[0m " if colour else PREFIX
        return "\n".join(prefix + line for line in sentence(event, event_dict).split("\n"))

    return render


def as_terraform_message(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """An event in the form of a message of `terraform apply -json`, which begins with its level."""
    event = event_dict.pop("event")
    return {
        "@level": EVENTS[event].log_level,
        "@message": sentence(event, event_dict),
        "@module": "tfretry",
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
        "type": EVENTS[event].message_type,
        **event_dict,
    }


JSON: list[Processor] = [as_terraform_message, structlog.processors.JSONRenderer(separators=(",", ":"))]

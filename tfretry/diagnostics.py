"""Bytes of terraform's output in, error diagnostics out: incremental, bounded, no I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One error as terraform meant it: no colour, no gutter, no line breaks."""

    summary: str
    detail: str
    address: str | None
    shape: str
    truncated: bool = False

"""Bytes of terraform's output in, error diagnostics out: incremental, bounded, no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfretry.output import json_messages
from tfretry.output.diagnostic import Diagnostic, holds_another
from tfretry.output.lines import BATCH, Lines, clean
from tfretry.output.text_block import Block

if TYPE_CHECKING:
    from collections.abc import Callable

OPENING, CLOSING = "╷", "╵"
GUTTER = re.compile(r"[│|] ?")
HEADING = re.compile(r"([│|] ?)?(Error|Warning): (.*)", re.DOTALL)
# Where the prompt has left the cursor, no blank line goes before the next diagnostic.
PROMPT = re.compile(r" {0,2}Enter a value: *")
# Printed only when nothing failed; what may follow are outputs, and lines of those may look like anything.
APPLIED = "Apply complete! "
YELLOW = b"\x1b[33m"
# How a line may begin that begins a diagnostic, or ends what could be one: most lines with a needle are done with here.
MAY_BEGIN = re.compile(rb"[\x1b\r{|]|Error: |Warning: |Apply|\xe2[\x94\x95]")
# A stream without any of these holds no error: they are looked for before anything is split or decoded.
NEEDLES = (
    (b"E", b"Error: "),
    (b"W", b"Warning: "),
    (b"\xe2", b"\xe2"),  # of a box's corner, whose first byte is nearly as rare as the whole
    (b"@", json_messages.NEEDLE),
    (b"!", APPLIED.encode()),
)


class DiagnosticReader:
    """Calls *found* with each error diagnostic of one byte stream, in any shape; never for a warning.

    Up to *batch* bytes are gathered before they are looked at.
    """

    def __init__(self, found: Callable[[Diagnostic], object], *, batch: int = BATCH) -> None:
        self._found = found
        self._lines = Lines(NEEDLES, self._read, batch=batch)
        self._block: Block | None = None
        self._errors = 0
        self._first = True
        self._after_group = False
        self._applied = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk)

    def close(self) -> None:
        """Take the end of the stream for the end of what has no other; a second call does nothing."""
        self._lines.close()
        self._finish()

    def _read(self, line: bytes) -> bool:
        if self._block is None and not MAY_BEGIN.match(line) and json_messages.START not in line:
            return False
        text = clean(line)
        if self._block is not None and self._block.format == "plain":
            self._in_plain(self._block, text, line)
        else:
            self._report_message(line)
            if self._block is None:
                self._begin(text, line)
            else:
                self._in_box(self._block, text, line)
        if self._block is not None and self._block.format == "plain" and self._block.full:
            self._finish()  # it has no other end that is certain to come
        return self._block is not None

    def _report_message(self, line: bytes) -> None:
        if json_messages.may_report(line):
            for diagnostic in json_messages.diagnostics_of(line, certain=self._first):
                self._tell(diagnostic)
            self._first = False

    def _begin(self, text: str, line: bytes) -> None:
        if text.startswith(APPLIED):
            self._applied = self._errors == 0
        elif self._applied:
            return
        elif text.startswith(OPENING):
            self._block = self._new_block("box")
            # Should the box stay empty (terraform drops lines over 64 KiB), its colour alone tells what it was.
            if YELLOW in line:
                self._block.head("Warning", "")
        elif heading := HEADING.match(text):
            self._block = self._new_block("box" if heading[1] else "plain")
            self._block.head(heading[2], heading[3])

    def _new_block(self, shape: str) -> Block:
        certain, self._first = self._first, False
        return Block(shape, self._tell, certain=certain)

    def _in_box(self, block: Block, text: str, line: bytes) -> None:
        if gutter := GUTTER.match(text):
            content = text[gutter.end() :]
            heading = HEADING.match(content)
            if block.empty and heading and not heading[1]:
                block.head(heading[2], heading[3])
            else:
                block.add(content)
        elif text.startswith(CLOSING):
            self._finish()
        elif text.startswith(OPENING) or HEADING.match(text):
            self._finish()
            self._begin(text, line)

    def _in_plain(self, block: Block, text: str, line: bytes) -> None:
        """All that follows belongs to the error: terraform prints its errors last, and in one shape."""
        if not block.is_error and PROMPT.fullmatch(text):
            self._finish()
        elif text.startswith(("╷", "│", "{")) and holds_another(text) and not block.quotes_command:
            block.add(text)
            self._finish()
            self._report_message(line)
            self._begin(text, line)
        else:
            block.add(text)

    def _finish(self) -> None:
        block, self._block = self._block, None
        if block:
            block.close()

    def _tell(self, diagnostic: Diagnostic) -> None:
        self._errors += 1
        for leaf in (diagnostic.without_bullets() if self._after_group else diagnostic).leaves():
            self._found(leaf)
        self._after_group = self._after_group or diagnostic.is_group

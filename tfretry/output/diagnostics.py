"""Read the error diagnostics of one byte stream: incrementally, in bounded memory, without I/O."""

from __future__ import annotations

import re
from collections.abc import Callable

from tfretry.output import json_messages
from tfretry.output.diagnostic import Diagnostic, holds_another
from tfretry.output.lines import Lines, clean
from tfretry.output.text_block import Block
from tfretry.terraform import messages

# The beginnings of a line that may begin a diagnostic, or end one: most lines with a needle have none of them.
MAY_BEGIN = re.compile(rb"[\x1b\r{|]|Error: |Warning: |Apply|\xe2[\x94\x95]")
# Text without any of these holds no error. It is searched before it is split and decoded; see Lines for the pairs.
NEEDLES = (
    (b"E", f"{messages.ERROR} ".encode()),
    (b"W", f"{messages.WARNING} ".encode()),
    (b"\xe2", b"\xe2"),  # the first byte of the corners and the gutter of a box
    (b"@", messages.DIAGNOSTIC),
    (b"!", messages.APPLIED.encode()),
)


class DiagnosticReader:
    """Call *found* with each error diagnostic of one byte stream, in any format; never with a warning."""

    def __init__(self, found: Callable[[Diagnostic], object]) -> None:
        self._found = found
        self._lines = Lines(NEEDLES, self._read)
        self._block: Block | None = None
        self._errors = 0
        self._first = True
        self._after_group = False
        self._applied = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk)

    def close(self) -> None:
        """Treat the end of the stream as the end of an open diagnostic; a second call does nothing."""
        self._lines.close()
        self._finish()

    def _read(self, line: bytes) -> bool:
        """Read one line; return whether a diagnostic is open."""
        if self._block is None and not MAY_BEGIN.match(line) and messages.JSON_MESSAGE not in line:
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
            self._finish()  # no later line is certain to end it
        return self._block is not None

    def _report_message(self, line: bytes) -> None:
        if json_messages.may_report(line):
            for diagnostic in json_messages.diagnostics_of(line, certain=self._first):
                self._report(diagnostic)
            self._first = False

    def _begin(self, text: str, line: bytes) -> None:
        if text.startswith(messages.APPLIED):
            # Printed only when nothing failed. Outputs follow, and their lines may look like anything.
            self._applied = self._errors == 0
        elif self._applied:
            return
        elif text.startswith(messages.BOX_TOP):
            self._block = self._new_block("box")
            # Terraform drops lines of more than 64 KiB: of an empty box only the colour tells what it was.
            if messages.YELLOW in line:
                self._block.head("Warning", "")
        elif heading := messages.HEADING.match(text):
            self._block = self._new_block("box" if heading[1] else "plain")
            self._block.head(heading[2], heading[3])

    def _new_block(self, format_: str) -> Block:
        certain, self._first = self._first, False
        return Block(format_, self._report, certain=certain)

    def _in_box(self, block: Block, text: str, line: bytes) -> None:
        if gutter := messages.GUTTER.match(text):
            content = text[gutter.end() :]
            heading = messages.HEADING.match(content)
            if block.empty and heading and not heading[1]:
                block.head(heading[2], heading[3])
            else:
                block.add(content)
        elif text.startswith(messages.BOX_BOTTOM):
            self._finish()
        elif text.startswith(messages.BOX_TOP) or messages.HEADING.match(text):
            self._finish()
            self._begin(text, line)

    def _in_plain(self, block: Block, text: str, line: bytes) -> None:
        """Add the line to the error: terraform prints its errors last, and all in one format."""
        # A prompt leaves the cursor in its line: then no blank line stands before the next diagnostic.
        if not block.is_error and messages.PROMPT.fullmatch(text):
            self._finish()
        elif text.startswith((messages.BOX_TOP, "│", "{")) and holds_another(text) and not block.quotes_command:
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

    def _report(self, diagnostic: Diagnostic) -> None:
        self._errors += 1
        for leaf in (diagnostic.behind_group() if self._after_group else diagnostic).leaves():
            self._found(leaf)
        self._after_group = self._after_group or diagnostic.is_group

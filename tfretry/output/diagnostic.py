"""What one diagnostic says, whatever shape it was printed in: summary, detail, address, and a group's leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tfretry.output.local_exec import holds_end, quotes_command

# What is kept of one diagnostic, in characters.
TEXT_LIMIT = 64 * 1024

# An identifier may hold what \w leaves out: marks that combine with a letter, and `·`. Of ASCII it holds no other sign.
NAME = r"[^\s!-,./:-@\[-^`{-~]+"
KEY = r"(?:\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\])?"
ADDRESS = rf"(?:module\.{NAME}{KEY}\.)*(?:data\.)?{NAME}\.{NAME}(?:\.\d+)?{KEY}"
# "2 error(s) occurred:" up to 0.11.13, "2 errors occurred:" from 0.11.14 (go-multierror 1.0); maybe behind an address.
# "2 problems:" is terraform's own list, with dashes.
COUNT = r"\d+ (?:error(?:s|\(s\))? occurred|problems):"
GROUP = re.compile(rf"\b{COUNT}")
GROUP_ITEM = re.compile(rf"(?:(\S+): )?{COUNT}")
# Wherever it stands: in a narrow terminal a dash within a text begins a line, too.
BULLET = re.compile(r"(?:^| )[*-] ")
LEAF_ADDRESS = re.compile(rf"({ADDRESS}): ")
ROLLBACK = "Terraform does not automatically rollback in the face of errors."
BOX = re.compile(r"╷|│ ?(?:Error|Warning): ")
MESSAGE = re.compile(r'\{"@level":"error"')
CONTEXT = re.compile(r"(resource|data) \"([^\"]+)\" \"([^\"]+)\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One error as terraform meant it: no colour, no gutter, no line breaks.

    *heading* is what stood over a group's bullets, of which this is one; *aside* may belong to it or not. *truncated*
    says that there was more text than is kept, *torn* that lines of it may be among what was left out. One that is not
    *counted* is a part of another, or of a warning, that can be read as an error of its own.
    """

    summary: str
    detail: str
    address: str | None
    format: str
    truncated: bool = False
    torn: bool = False
    heading: str = ""
    aside: str = ""
    counted: bool = True

    @property
    def text(self) -> str:
        """Summary and detail as one."""
        return f"{self.summary} {self.detail}".strip()

    @property
    def is_group(self) -> bool:
        """Whether it is a list of errors."""
        found = GROUP.search(self.text)
        return found is not None and not quotes_command(self.text[: found.start()])

    def leaves(self) -> list[Diagnostic]:
        """One for each error of a group, else this."""
        return (list(self._leaves()) if self.is_group else []) or [self]

    def without_bullets(self) -> Diagnostic:
        """What it is behind a group: bullets may be leaves of that, so nothing explains it."""
        return replace(self, truncated=True) if BULLET.search(self.text) and not self.is_group else self

    def _leaves(self) -> Iterator[Diagnostic]:
        group, _, rest = self.text.partition(ROLLBACK)
        heading, *items = BULLET.split(group)
        torn = self.torn or holds_end([rest])
        outer = self.address
        for item in items:
            message = item.strip()
            if header := GROUP_ITEM.fullmatch(message):
                outer = header[1] or outer
                continue
            yield self._leaf(message, outer, heading=heading.strip(), torn=torn)

    def _leaf(self, item: str, outer: str | None, *, heading: str, torn: bool) -> Diagnostic:
        address, message = outer, item
        if named := LEAF_ADDRESS.match(item):
            # 0.11 names the module in the outer bullet only: "* module.app.aws_x.y: 1 error(s)…", "* aws_x.y: …".
            address = outer if outer and outer.endswith(f".{named[1]}") else named[1]
            message = item[named.end() :]
        shape = "bullets" if self.format == "plain" else self.format
        return replace(self, summary=message, detail="", address=address, format=shape, torn=torn, heading=heading)


# Something said that it is an error, and no more can be made out: it is counted, and nothing explains it.
UNREADABLE = Diagnostic(
    summary="an error that cannot be read", detail="", address=None, format="unreadable", truncated=True
)


def holds_another(text: str) -> bool:
    """Whether *text*, unwrapped, holds an error in a shape that terraform does not print within one.

    Which of the two the rest belongs to, nobody can tell; unless a command is quoted before, whose output it may be.
    """
    found = BOX.search(text)
    if found is None and '"type":"diagnostic"' in text:
        found = MESSAGE.search(text)
    return found is not None and not quotes_command(text[: found.start()])


def address_in(context: str) -> str | None:
    """The address that `in resource "aws_ecs_service" "ecs"` tells: all there is before 0.15, without the module."""
    if not (found := CONTEXT.search(context)):
        return None
    kind, type_, name = found.groups()
    return f"data.{type_}.{name}" if kind == "data" else f"{type_}.{name}"

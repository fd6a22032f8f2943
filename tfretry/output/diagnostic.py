"""One error diagnostic, the same for every format in which terraform prints it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tfretry.output.local_exec import holds_end, quotes_command
from tfretry.terraform import messages

# Characters kept of one diagnostic.
TEXT_LIMIT = 64 * 1024

GROUP_COUNT = re.compile(rf"\b{messages.GROUP}")
GROUP_HEADER = re.compile(rf"(?:(\S+): )?{messages.GROUP}")
# Anywhere in the text: in a narrow terminal a dash within a sentence begins a line, too.
BULLET = re.compile(r"(?:^| )[*-] ")
LEAF_ADDRESS = re.compile(rf"({messages.ADDRESS}): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One error: its text is unwrapped, and has no colour and no gutter.

    *heading*: of an error in a group, the text before the list. *aside*: text that may or may not belong to the error.
    *truncated*: there was more text than is kept. *torn*: lines may be missing from the text, and stand in *aside*.
    *counted*: False for a part of another error, or of a warning, that can be read as an error of its own.
    """

    summary: str
    detail: str
    address: str | None
    truncated: bool = False
    torn: bool = False
    heading: str = ""
    aside: str = ""
    counted: bool = True

    @property
    def text(self) -> str:
        """Summary and detail."""
        return f"{self.summary} {self.detail}".strip()

    @property
    def is_group(self) -> bool:
        """Whether it lists several errors."""
        found = GROUP_COUNT.search(self.text)
        return found is not None and not quotes_command(self.text[: found.start()])

    def leaves(self) -> list[Diagnostic]:
        """Return the errors of a group, else the diagnostic itself."""
        return (list(self._leaves()) if self.is_group else []) or [self]

    def behind_group(self) -> Diagnostic:
        """Return it as truncated, which no cause matches, if it has bullets: they may belong to the previous group."""
        return replace(self, truncated=True) if BULLET.search(self.text) and not self.is_group else self

    def _leaves(self) -> Iterator[Diagnostic]:
        group, _, rest = self.text.partition(messages.ROLLBACK)
        heading, *items = BULLET.split(group)
        torn = self.torn or holds_end([rest])
        outer = self.address
        for item in items:
            message = item.strip()
            if header := GROUP_HEADER.fullmatch(message):
                outer = header[1] or outer
                continue
            yield self._leaf(message, outer, heading=heading.strip(), torn=torn)

    def _leaf(self, item: str, outer: str | None, *, heading: str, torn: bool) -> Diagnostic:
        address, message = outer, item
        if named := LEAF_ADDRESS.match(item):
            # 0.11 names the module in the outer bullet only: "* module.app.aws_x.y: 1 error(s)…", "* aws_x.y: …".
            address = outer if outer and outer.endswith(f".{named[1]}") else named[1]
            message = item[named.end() :]
        return replace(self, summary=message, detail="", address=address, torn=torn, heading=heading)


# An error of which nothing but its severity can be read: it is counted, and no cause explains it.
UNREADABLE = Diagnostic(summary="an error that cannot be read", detail="", address=None, truncated=True)


def holds_another(text: str) -> bool:
    """Whether *text*, unwrapped, holds an error in a format that terraform does not print within an error.

    Nobody can tell which of the two the rest of the text belongs to, unless it is the output of a quoted command.
    """
    found = messages.QUOTED_BOX.search(text)
    at = found.start() if found else -1
    if found is None and messages.DIAGNOSTIC_TYPE in text:
        at = text.find(messages.ERROR_MESSAGE.decode())
    return at >= 0 and not quotes_command(text[:at])


def address_in(context: str) -> str | None:
    """Return the address in `in resource "aws_ecs_service" "ecs"`: before 0.15 there is no other, and no module."""
    if not (found := messages.BLOCK_NAME.search(context)):
        return None
    kind, type_, name = found.groups()
    return f"data.{type_}.{name}" if kind == "data" else f"{type_}.{name}"

"""What one diagnostic says, whatever shape it was printed in: summary, detail, address, and a group's leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# What is kept of one diagnostic, in characters.
TEXT_LIMIT = 64 * 1024

KEY = r"(?:\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\])?"
ADDRESS = rf"(?:module\.[\w-]+{KEY}\.)*(?:data\.)?\w+\.[\w-]+(?:\.\d+)?{KEY}"
# "2 error(s) occurred:" up to 0.11.13, "2 errors occurred:" from 0.11.14 (go-multierror 1.0); maybe behind an address.
# "2 problems:" is terraform's own list, with dashes.
COUNT = r"\d+ (?:error(?:s|\(s\))? occurred|problems):"
GROUP = re.compile(rf"\b{COUNT}")
GROUP_ITEM = re.compile(rf"(?:(\S+): )?{COUNT}")
BULLET = re.compile(r"\s*[*-] ")
LEAF_ADDRESS = re.compile(rf"({ADDRESS}): ")
ROLLBACK = "Terraform does not automatically rollback in the face of errors."
# Ours to know: a failed local-exec quotes its command and what that printed, so bullets there are no leaves.
LOCAL_EXEC = "Error running command '"
OUTPUT = re.compile(r"': .{1,300}?\. Output:(?: |$)")
CONTEXT = re.compile(r"(resource|data) \"([^\"]+)\" \"([^\"]+)\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One error as terraform meant it: no colour, no gutter, no line breaks.

    *heading* is what stood over a group's bullets, of which this is one. *truncated* says that there was more text than
    is kept, *torn* that text which looks like something else may have belonged to it.
    """

    summary: str
    detail: str
    address: str | None
    shape: str
    truncated: bool = False
    torn: bool = False
    heading: str = ""


# Something said that it is an error, and no more can be made out: it is counted, and nothing explains it.
UNREADABLE = Diagnostic(
    summary="an error that cannot be read", detail="", address=None, shape="unreadable", truncated=True
)


def unwrap(lines: Iterable[str]) -> str:
    """*lines* as one, white space collapsed, in characters that any output can take."""
    joined = " ".join(" ".join(lines).split())
    return joined.encode("utf-8", "replace").decode()


def address_in(context: str) -> str | None:
    """The address that `in resource "aws_ecs_service" "ecs"` tells: all there is before 0.15, without the module."""
    if not (found := CONTEXT.search(context)):
        return None
    kind, type_, name = found.groups()
    return f"data.{type_}.{name}" if kind == "data" else f"{type_}.{name}"


def holds_output(lines: Iterable[str]) -> bool:
    """Whether *lines* hold what ends a local-exec's quoted command: then that command was cut in two."""
    return OUTPUT.search(unwrap(lines)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The lines of one diagnostic, not yet unwrapped."""

    summary: Sequence[str]
    detail: Sequence[str]
    address: str | None
    shape: str
    truncated: bool = False
    torn: bool = False

    @property
    def quotes_command(self) -> bool:
        """Whether nothing but our guess tells where a quoted command ends."""
        return self.shape == "plain" and LOCAL_EXEC in unwrap([*self.summary, *self.detail])

    def diagnostics(self) -> Iterator[Diagnostic]:
        """One for each leaf of a group of errors, else one."""
        summary, detail = unwrap(self.summary), unwrap(self.detail)
        group = GROUP.search(f"{summary} {detail}")
        leaves = list(self._leaves()) if group and LOCAL_EXEC not in f"{summary} {detail}"[: group.start()] else []
        if leaves:
            yield from leaves
            return
        yield Diagnostic(
            summary=summary,
            detail=detail,
            address=self.address,
            shape=self.shape,
            truncated=self.truncated,
            torn=self.torn,
        )

    def _leaves(self) -> Iterator[Diagnostic]:
        lines = [*self.summary, *self.detail]
        end = next((at for at, line in enumerate(lines) if line.startswith(ROLLBACK)), len(lines))
        heading, *items = _items(lines[:end])
        torn = self.torn or holds_output(lines[end:])
        outer = self.address
        for item in items:
            if header := GROUP_ITEM.fullmatch(item):
                outer = header[1] or outer
                continue
            yield self._leaf(item, outer, heading=heading, torn=torn)

    def _leaf(self, item: str, outer: str | None, *, heading: str, torn: bool) -> Diagnostic:
        address, message = outer, item
        if named := LEAF_ADDRESS.match(item):
            # 0.11 names the module in the outer bullet only: "* module.app.aws_x.y: 1 error(s)…", "* aws_x.y: …".
            address = outer if outer and outer.endswith(f".{named[1]}") else named[1]
            message = item[named.end() :]
        return Diagnostic(
            summary=message,
            detail="",
            address=address,
            shape="bullets" if self.shape == "plain" else self.shape,
            truncated=self.truncated,
            torn=torn,
            heading=heading,
        )


def _items(lines: Sequence[str]) -> list[str]:
    items: list[list[str]] = [[]]
    for line in lines:
        if bullet := BULLET.match(line):
            items.append([line[bullet.end() :]])
        else:
            items[-1].append(line)
    return [unwrap(item) for item in items]

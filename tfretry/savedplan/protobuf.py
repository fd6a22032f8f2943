"""The fields of a protocol buffer, as far as it takes to read a plan file (protobuf.dev, "Encoding")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Field = tuple[int, "int | bytes"]

VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5
FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
LONGEST_VARINT = 10


def fields(message: bytes) -> Iterator[Field]:
    """Number and value of each field of *message*, in its order; raises ValueError."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if kind == COUNTED:
            length, at = _varint(message, at)
        elif kind in FIXED:
            length = FIXED[kind]
        else:
            raise ValueError("the plan file cannot be read")
        if at + length > len(message):
            raise ValueError("the plan file cannot be read")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that starts *at*, and where the next thing starts."""
    value = 0
    for n, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, at + n + 1
    raise ValueError("the plan file cannot be read")

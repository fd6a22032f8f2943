"""The wire format of protocol buffers, as far as plan files use it (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tfretry.errors import DAMAGED_PLAN, PlanError

VARINT, EIGHT_BYTES, COUNTED, FOUR_BYTES = 0, 1, 2, 5
FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
LONGEST_VARINT = 10  # bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message; *raw* is the whole field with its tag, unchanged."""

    number: int
    value: int | bytes
    raw: bytes


def fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of *message*, in their order; raises PlanError."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = _varint(message, at)
            yield Field(tag >> 3, number, message[start:at])
            continue
        if kind == COUNTED:
            length, at = _varint(message, at)
        elif kind in FIXED:
            length = FIXED[kind]
        else:
            raise _damaged()
        if at + length > len(message):
            raise _damaged()
        yield Field(tag >> 3, message[at : at + length], message[start : at + length])
        at += length


def encode(number: int, value: int | bytes) -> bytes:
    """Return the field *number* with *value*, as a varint or a counted run of bytes."""
    if isinstance(value, int):
        return _encode_varint(number << 3 | VARINT) + _encode_varint(value)
    return _encode_varint(number << 3 | COUNTED) + _encode_varint(len(value)) + value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts *at*, and the position behind it."""
    value = 0
    for n, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value, at + n + 1
    raise _damaged()


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _damaged() -> PlanError:
    return PlanError(DAMAGED_PLAN)

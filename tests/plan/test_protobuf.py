from __future__ import annotations

import pytest
from tfretry.savedplan.protobuf import fields


@pytest.mark.parametrize("number", [0, 1, 0x7E, 0x7F, 0x80, 0x81, 0x3FFF, 0x4000, 2**63, 2**64 - 1])
def test_a_number_is_read_to_its_last_bit(number):
    """Seven bits a byte, the lowest first; all but the last have the eighth bit set."""
    rest, written = number, []
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    assert list(fields(b"\x08" + bytes([*written, rest]) + b"\x10\x05")) == [(1, number), (2, 5)]


def test_a_number_has_ten_bytes_at_most():
    """As many as 64 bits need."""
    with pytest.raises(ValueError, match="cannot be read"):
        list(fields(b"\x08" + b"\x80" * 10 + b"\x00"))


@pytest.mark.parametrize("kind", [3, 4, 6, 7])
def test_a_kind_of_field_that_terraform_does_not_write_is_refused(kind):
    """Groups are of old, and the others are nothing yet."""
    with pytest.raises(ValueError, match="cannot be read"):
        list(fields(bytes([1 << 3 | kind]) + b"\x00" * 10))

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.protobuf import LONGEST_VARINT, encode, fields

LIMITS = [0, 1, 0x7E, 0x7F, 0x80, 0x81, 0x3FFF, 0x4000, 2**32 - 1, 2**63, 2**64 - 1]
numbers = st.integers(min_value=1, max_value=2**29 - 1)
values = st.integers(min_value=0, max_value=2**64 - 1) | st.sampled_from(LIMITS) | st.binary(max_size=300)
fixed = st.builds(lambda number, value: (number, value, 1), numbers, st.binary(min_size=8, max_size=8)) | st.builds(
    lambda number, value: (number, value, 5), numbers, st.binary(min_size=4, max_size=4)
)


def varint(number: int, *, length: int = 1) -> bytes:
    """Seven bits a byte, the lowest first, in *length* bytes at least; all but the last have the eighth bit set."""
    written = []
    while number > 0x7F or len(written) + 1 < length:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


@pytest.mark.parametrize("number", LIMITS)
def test_a_number_is_read_to_its_last_bit(number):
    """Seven bits a byte, the lowest first; all but the last have the eighth bit set."""
    first, second = fields(b"\x08" + varint(number) + b"\x10\x05")
    assert (first.number, first.value, first.raw) == (1, number, b"\x08" + varint(number))
    assert (second.number, second.value, second.raw) == (2, 5, b"\x10\x05")


@pytest.mark.parametrize("value", [*LIMITS, b"", b"x", b"x" * 127, b"x" * 128, b"\xff" * 70_000])
@pytest.mark.parametrize("number", [1, 15, 16, 2047, 2048, 500_000_000, 2**29 - 1])
def test_an_encoded_field_is_read_unchanged(number, value):
    """Reading is the inverse of writing."""
    (field,) = fields(encode(number, value))
    assert (field.number, field.value, field.raw) == (number, value, encode(number, value))


@given(st.lists(st.builds(lambda number, value: (number, value, None), numbers, values) | fixed, max_size=20))
def test_fields_are_the_message_cut_in_pieces(parts):
    """Whatever fields there are, of every kind and in every order, their raw bytes joined are the message."""
    written = [
        encode(number, value) if kind is None else varint(number << 3 | kind) + value for number, value, kind in parts
    ]
    found = list(fields(b"".join(written)))
    assert [(field.number, field.value) for field in found] == [(number, value) for number, value, _ in parts]
    assert [field.raw for field in found] == written


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_damage(message):
    """Nothing is skipped, invented or read beyond the end, and nothing but PlanError is raised."""
    try:
        found = list(fields(message))
    except PlanError as error:
        assert str(error) == "the plan file is damaged"  # noqa: PT017  # most messages raise none
        return
    assert b"".join(field.raw for field in found) == message
    assert all(field.raw.endswith(field.value) for field in found if isinstance(field.value, bytes))


def test_a_number_that_is_longer_than_it_need_be_stays_as_it_is():
    """Terraform writes none; but the bytes that are copied are always the bytes that were approved."""
    message = varint(1 << 3 | 2, length=3) + varint(1, length=5) + b"x"
    (field,) = fields(message)
    assert (field.number, field.value, field.raw) == (1, b"x", message)


def test_an_empty_message_has_no_fields():
    """All fields of a message may be left out."""
    assert list(fields(b"")) == []


def test_a_number_has_ten_bytes_at_most():
    """As many as 64 bits need."""
    assert next(fields(b"\x08" + varint(1, length=LONGEST_VARINT))).value == 1
    with pytest.raises(PlanError, match="the plan file is damaged"):
        list(fields(b"\x08" + varint(1, length=LONGEST_VARINT + 1)))


@pytest.mark.parametrize("kind", [3, 4, 6, 7])
def test_a_kind_of_field_that_terraform_does_not_write_is_refused(kind):
    """Groups are obsolete, and the other kinds are undefined."""
    with pytest.raises(PlanError, match="the plan file is damaged"):
        list(fields(bytes([1 << 3 | kind]) + b"\x00" * 10))


@pytest.mark.parametrize(
    "field",
    [
        encode(1, 2**64 - 1),
        encode(1, b"text"),
        encode(1, b"x" * 200),
        encode(500, 7),
        b"\x09" + b"12345678",
        b"\x0d" + b"1234",
    ],
)
def test_a_field_that_is_cut_is_damaged_at_every_cut(field):
    """In its tag, its length or its value."""
    for end in range(1, len(field)):
        with pytest.raises(PlanError, match="the plan file is damaged"):
            list(fields(encode(2, 1) + field[:end]))


def test_a_length_beyond_the_end_reserves_no_memory():
    """A length of 2**60 is damage."""
    with pytest.raises(PlanError, match="the plan file is damaged"):
        list(fields(b"\x0a" + varint(2**60) + b"x"))

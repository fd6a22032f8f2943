"""Types of attributes that the framework lacks, or has with a flaw."""

from __future__ import annotations

from typing import Any

from tf import types
from tf.schema import Attribute

WRITE_ONLY = b"\x58\x01"  # field 11 of the protocol's attribute, which the framework does not know, is true


class SetOf(types.Set):
    """A set that may be unknown as a whole: the framework's own comparison fails on it."""

    def semantically_equal(self, a_decoded: Any, b_decoded: Any) -> bool:
        """Whether both hold the same elements, or both are unknown."""
        if types.Unknown in (a_decoded, b_decoded):
            return a_decoded is b_decoded
        return super().semantically_equal(a_decoded, b_decoded)


class Object(types.TfType):
    """A nested attribute with members of its own, which the framework lacks."""

    def __init__(self, **members: types.TfType) -> None:
        self._members = members

    def encode(self, value: Any) -> Any:
        """From Python's form to terraform's: here they are the same."""
        return value

    def decode(self, value: Any) -> Any:
        """From terraform's form to Python's."""
        return value

    def tf_type(self) -> bytes:
        """The type as terraform's JSON writes it."""
        members = b",".join(b'"%s":%s' % (name.encode(), kind.tf_type()) for name, kind in self._members.items())
        return b'["object",{%s}]' % members


class WriteOnly(Attribute):
    """An attribute whose value reaches the provider, and is in no plan and no state."""

    def to_pb(self) -> Any:
        """The framework's message with one field more."""
        message = super().to_pb()
        message.MergeFromString(WRITE_ONLY)
        return message

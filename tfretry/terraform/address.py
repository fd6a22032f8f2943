"""Addresses of resources, in one notation that can be compared."""

from __future__ import annotations

import re

QUOTED_OR_SPACE = re.compile(r'"((?:[^"\\]|\\.)*)"|\s+')
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|\$\$\{|%%\{")


def plain_address(address: str) -> str:
    """Return *address* without white space, and with the characters that the escapes in its keys stand for.

    Terraform reads addresses in this way: HCL's scanner, and cty, which normalises strings to NFC.
    """
    return QUOTED_OR_SPACE.sub(lambda found: _plain_key(found[1]) if found[1] is not None else "", address)


def _plain_key(quoted: str) -> str:
    from unicodedata import normalize

    key = normalize("NFC", ESCAPE.sub(_character, quoted))
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _character(escape: re.Match[str]) -> str:
    if digits := escape[1] or escape[2]:
        code = int(digits, 16)
        return chr(code) if code < 0x110000 else escape[0]
    if escape[3]:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[3], escape[3])
    return escape[0][1:]  # $${ and %%{

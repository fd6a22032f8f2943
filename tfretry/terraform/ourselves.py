"""Whether a file that is called terraform is tfretry: running it would never end."""

from __future__ import annotations

import os
import sys

HEAD_SIZE = 4096
# Where a shell script names the command that it runs; assignments may stand before it.
CALL = (
    rb"(?:^|[;&|({]|\b(?:then|else|do|exec|command|env)\b)\s*(?:\w+=\S*\s+)*"
    rb"[\"']?(?:[^\s\"']*/)?tfretry[\"']?(?=[\s;]|$)"
)
KEPT = rb"^\s*(?:export\s+)?\w+=[\"']?(?:[^\s\"']*/)?tfretry[\"']?\s*(?:;|$)"
PYTHON = rb"^\s*(?:from|import)\s+tfretry\b|exec\w*\(\s*[\"'](?:[^\"']*/)?tfretry[\"']"


def is_ourselves(path: str) -> bool:
    """Whether *path* is tfretry under another name, a copy of it, or a script that calls it."""
    if sys.argv[:1] and os.path.isfile(sys.argv[0]) and _is_same(path, sys.argv[0]):
        return True
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_SIZE)
    except OSError:
        return False
    return head.startswith(b"#!") and any(map(_calls_tfretry, head.splitlines()[1:]))


def _is_same(path: str, other: str) -> bool:
    if os.path.samefile(path, other):
        return True
    if os.path.getsize(path) != os.path.getsize(other):
        return False
    with open(path, "rb") as one, open(other, "rb") as two:
        return one.read() == two.read()


def _calls_tfretry(line: bytes) -> bool:
    if b"tfretry" not in line or line.lstrip().startswith(b"#"):
        return False
    import re  # needed for hardly any script

    return any(re.search(pattern, line) for pattern in (CALL, KEPT, PYTHON))

"""The documents around a plan: terraform's JSON in, with every digit, and the variables out again."""

from __future__ import annotations

import json
from typing import Any

# Deeper than any configuration, and far from Python's own limit, which later comparisons must not meet.
DEEPEST = 100


class Number(str):
    """A JSON number as its digits stand; equal only to the same digits, never to a string or a boolean."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def parse(text: bytes) -> Any:
    """The value of a JSON document, its numbers as `Number`.

    Raises ValueError with a sentence that quotes nothing: a plan holds secrets.
    """
    try:
        value = json.loads(
            text.decode(),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        known = error.args[0] if isinstance(error, _UnlikeTerraformError) else "it is not JSON"
        raise ValueError(f"terraform's answer is not understood: {known}") from None
    _check_depth(value)
    return value


def variables_file(approved: Any) -> bytes:
    """The content of a `.tfvars.json` file with the variables of the plan *approved*, to the last digit.

    Strings there are literal: terraform evaluates no template in them. Raises ValueError with a sentence.
    """
    variables = approved.get("variables", {})
    if not isinstance(variables, dict) or not all(_is_variable(each) for each in variables.values()):
        raise ValueError("the plan's variables are not understood")
    return _render({name: each["value"] for name, each in variables.items()}).encode("ascii") + b"\n"


class _UnlikeTerraformError(ValueError):
    """Valid JSON to Python, but nothing that terraform writes."""


def _no_constant(_name: str) -> Any:
    raise _UnlikeTerraformError("it holds a number that JSON does not know")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    # Which of two members counts is every reader's own choice: the reviewer's may not have been ours.
    if len(members) < len(pairs):
        raise _UnlikeTerraformError("an object in it has two members of one name")
    return members


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        level = [child for each in level for child in _children(each)]
        depth += 1
        if depth > DEEPEST:
            raise ValueError("terraform's answer is not understood: it is nested too deeply")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _is_variable(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value


def _render(value: Any) -> str:
    """*value* as JSON; `json.dumps` would quote our numbers, or cut them as floats."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_render(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_render, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value)

"""Values of a plan: whether one says what another promised, and where it does not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Path = tuple[str | int, ...]
ABSENT: Any = object()  # a member that is not there is not a member that is null
IDENTIFIER = re.compile(r"[^\W\d][\w-]*")
# Matching is cubic; a longer list in a new order is refused, as all that is not understood.
LONGEST_MATCHED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A value as a plan tells it: what is known of it, and `true` wherever it is known after apply only."""

    value: Any = None
    unknown: Any = False

    @property
    def open(self) -> bool:
        """Whether anything in it is unknown."""
        return holds_true(self.unknown)

    @property
    def understood(self) -> bool:
        """Whether the marks of the unknown have the shape of the value that they stand beside."""
        return _is_tree(self.unknown) and (not self.open or _fits(self))

    @property
    def steps(self) -> list[Any]:
        """The keys of an object, known and unknown ones, or the indexes of a list."""
        if isinstance(self.value, list):
            return list(range(len(self.value)))
        hidden = [key for key in _members(self.unknown) if key not in self.value]
        return [*self.value, *hidden]

    def child(self, step: str | int) -> Planned:
        """The value one *step* inside this one; ABSENT where there is none."""
        value = self.value.get(step, ABSENT) if isinstance(self.value, dict) else self.value[step]
        return Planned(value=value, unknown=mark_at(self.unknown, step))


def holds_true(marks: Any) -> bool:
    """Whether terraform's tree of marks (`after_unknown`, `after_sensitive`) marks anything."""
    if isinstance(marks, dict | list):
        return any(map(holds_true, marks.values() if isinstance(marks, dict) else marks))
    return marks is True


def mark_at(marks: Any, step: str | int) -> Any:
    """The part of a tree of marks that is one *step* inside it; marks leave out what they do not mark."""
    if isinstance(marks, dict):
        return marks.get(step, False)
    if isinstance(marks, list) and isinstance(step, int) and step < len(marks):
        return marks[step]
    return False


def unrefined(approved: Planned, new: Planned, at: Path = ()) -> Path | None:
    """Where *new* says something else than *approved* promised; None if it nowhere does.

    Where *approved* is unknown anything may stand; where it is known, *new* is known and equal.
    """
    if approved.unknown is True:
        return None
    if approved.value == new.value and not approved.open and not new.open:
        return None
    if isinstance(approved.value, dict) and isinstance(new.value, dict):
        return _unrefined_object(approved, new, at)
    if isinstance(approved.value, list) and isinstance(new.value, list):
        return _unrefined_list(approved, new, at)
    return at


def difference(one: Any, other: Any) -> Path | None:
    """The first place where two wholly known values differ; None if they are equal."""
    return unrefined(Planned(value=one), Planned(value=other))


def rendered(path: Path, marks: Iterable[Any]) -> str | None:
    """*path* as terraform writes it, ending where one of the *marks* makes all further in sensitive."""
    trees, text = list(marks), ""
    for step in path:
        if any(tree is True for tree in trees):
            break
        text += _step(step)
        trees = [mark_at(tree, step) for tree in trees]
    return text.removeprefix(".") or None


def _unrefined_object(approved: Planned, new: Planned, at: Path) -> Path | None:
    steps = approved.steps
    for key in new.steps:
        if key not in steps:
            return (*at, key)
    for key in steps:
        missing = key not in new.steps
        found = (*at, key) if missing else unrefined(approved.child(key), new.child(key), (*at, key))
        if found is not None:
            return found
    return None


def _unrefined_list(approved: Planned, new: Planned, at: Path) -> Path | None:
    if len(approved.value) != len(new.value):
        return at
    wanted = [approved.child(step) for step in approved.steps]
    offered = [new.child(step) for step in new.steps]

    @cache  # twice at each level would be exponential in the depth
    def place(n: int, m: int) -> Path | None:
        return unrefined(wanted[n], offered[m], (*at, n))

    found = next((there for n in approved.steps if (there := place(n, n)) is not None), None)
    if found is None or len(wanted) == 1 or not approved.open:
        return found
    return None if _is_reordered([each.open for each in wanted], lambda n, m: place(n, m) is None) else at


def _is_reordered(is_open: Sequence[bool], fits: Callable[[int, int], bool]) -> bool:
    """Whether a list is the approved one in an order that a set may take as its unknown elements become known.

    JSON does not tell sets from lists. But terraform sorts a set by its elements alone: the known ones never
    change places among themselves, so only those that held something unknown may stand anywhere.
    """
    known = [n for n, each in enumerate(is_open) if not each]
    others = []
    for m in range(len(is_open)):
        if known and fits(known[0], m):
            known.pop(0)
        else:
            others.append(m)
    wanted = [n for n, each in enumerate(is_open) if each]
    if known or len(wanted) > LONGEST_MATCHED:
        return False
    return _is_matched([[m for m in others if fits(n, m)] for n in wanted])


def _is_matched(choices: Sequence[Sequence[int]]) -> bool:
    """Whether each can have one of its *choices* for itself (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(seeker: int, tried: set[int]) -> bool:
        for choice in choices[seeker]:
            if choice in tried:
                continue
            tried.add(choice)
            if choice not in owner or place(owner[choice], tried):
                owner[choice] = seeker
                return True
        return False

    return all(place(seeker, set()) for seeker in range(len(choices)))


def _fits(planned: Planned) -> bool:
    if planned.unknown is True:
        return planned.value is None or planned.value is ABSENT
    if isinstance(planned.unknown, list):
        alike = isinstance(planned.value, list) and len(planned.unknown) == len(planned.value)
    else:
        alike = isinstance(planned.value, dict)
    return alike and all(_fits(child) for child in map(planned.child, planned.steps) if child.open)


def _is_tree(marks: Any) -> bool:
    if isinstance(marks, dict | list):
        return all(map(_is_tree, marks.values() if isinstance(marks, dict) else marks))
    return isinstance(marks, bool)


def _members(marks: Any) -> list[str]:
    return [key for key, mark in marks.items() if holds_true(mark)] if isinstance(marks, dict) else []


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if IDENTIFIER.fullmatch(step) else f"[{json.dumps(step)}]"

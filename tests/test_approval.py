from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from tfretry.approval import refusals
from tfretry.plans import parse

Finished = namedtuple("Finished", "action address deposed")
WITHIN = (
    "count-deleted",
    "decimals",
    "delete-done",
    "deposed-gone",
    "deposed-left",
    "destroyed",
    "each-deleted",
    "imported",
    "moved",
    "no-changes",
    "outputs",
    "plain",
    "removed",
    "replaced-left",
    "sensitive",
    "targeted",
    "update-done",
    "update-left",
)
REFUSED = {
    "data-moved": {("terraform_data.a", "create", "create", "input")},
    "destroy-forgotten": {
        ("terraform_data.a", "delete", "nothing", None),
        ("terraform_data.b", "delete", "create", None),
    },
    "migration": {("terraform_data.m", "delete then create", "delete then create", None)},
    "replace-forgotten": {('terraform_data.e["a"]', "delete then create", "nothing", None)},
    "tainted": {("terraform_data.t", "create", "delete then create", None)},
    "target-forgotten": {
        ("complete", "as reviewed", "different", None),
        ("terraform_data.u", "nothing", "create", None),
    },
    "target-narrowed": {("terraform_data.u", "create", "nothing", None)},
}


def captured(name):
    pair = parse((Path(__file__).parent / "plans" / f"{name}.json").read_bytes())
    return pair["approved"], pair["new"], [Finished(*each) for each in pair["finished"]]


@pytest.mark.parametrize("name", WITHIN)
def test_what_is_left_of_an_approved_plan_is_within_it(name):
    """Pairs of plans from the real terraform, an apply that failed half-way between them."""
    assert refusals(*captured(name)) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_not_approved_is_refused_by_address_actions_and_path(name):
    """The refusals of a captured pair, all of them."""
    found = refusals(*captured(name))
    assert {(each.address, each.approved, each.now, each.path) for each in found} == REFUSED[name]

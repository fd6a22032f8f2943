from __future__ import annotations

import copy
import shlex
from pathlib import Path

import pytest

from tfretry.approval.changes import IDLE
from tfretry.approval.check import refusals
from tfretry.approval.hints import hints
from tfretry.output.progress import Completion
from tfretry.savedplan.documents import Number, parse

PAIRS = Path(__file__).parents[1] / "plans"
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
    "script-moved": {("data.terraform_remote_state.d", "as read", "different", "outputs.v")},
    "tainted": {("terraform_data.t", "create", "delete then create", None)},
    "target-forgotten": {
        ("complete", "as reviewed", "different", None),
        ("terraform_data.u", "nothing", "create", None),
    },
    "target-narrowed": {("terraform_data.u", "create", "nothing", None)},
}


def captured(name):
    pair = parse((PAIRS / f"{name}.json").read_bytes())
    finished = {Completion(action=a, address=b, deposed=c) for a, b, c in pair["finished"]}
    return pair["approved"], pair["new"], finished


def test_every_captured_pair_is_judged():
    """No file lies in the folder without a claim about it."""
    assert {file.stem for file in PAIRS.glob("*.json")} == {*WITHIN, *REFUSED}


@pytest.mark.parametrize("name", WITHIN)
def test_what_is_left_of_an_approved_plan_is_within_it(name):
    """Pairs of plans from the real terraform, with an apply between them that failed half-way."""
    assert refusals(*captured(name)) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_not_approved_is_refused_by_address_actions_and_path(name):
    """The refusals of a captured pair, all of them."""
    found = refusals(*captured(name))
    assert {(each.address, each.approved, each.now, each.path) for each in found} == REFUSED[name]


@pytest.mark.parametrize("name", [name for name in WITHIN if name != "no-changes"])
def test_a_plan_is_within_itself_before_anything_is_done(name):
    """Nothing was done, nothing has changed: the same plan again is what was approved."""
    approved, _, _ = captured(name)
    assert refusals(approved, copy.deepcopy(approved), set()) == []


@pytest.mark.parametrize("name", [name for name in WITHIN if name not in {"no-changes", "removed"}])
def test_without_terraforms_word_that_changes_are_complete_the_rest_is_refused(name):
    """What is not in the new plan must have been reported as done."""
    approved, new, finished = captured(name)
    if finished:
        assert refusals(approved, new, set())


def mutants(value, path=()):
    """Every document that differs from *value* in one place, with the path of that place."""
    if isinstance(value, dict):
        for key in value:
            rest = {k: v for k, v in value.items() if k != key}
            yield (*path, key), rest
            for inner, each in mutants(value[key], (*path, key)):
                yield inner, {**value, key: each}
        yield (*path, "smuggled"), {**value, "smuggled": "x"}
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield (*path, n), [*value[:n], *value[n + 1 :]]
            for inner, each in mutants(item, (*path, n)):
                yield inner, [*value[:n], each, *value[n + 1 :]]
        yield (*path, len(value)), [*value, "smuggled"]
    else:
        yield from ((path, each) for each in others(value))


def others(value):
    """Other values for a leaf, some of them equal to it for a careless reader."""
    if value is None:
        return ["smuggled", False, {}]
    if isinstance(value, bool):
        return [not value, Number(int(value)), None]
    if isinstance(value, Number):
        return [Number(f"{value}1"), Number(f"{value}.0"), str(value), None]
    return [f"{value}x", [value], None]


def at(marks, path):
    """Whether a tree of marks marks *path* or anything that holds it."""
    for step in path:
        if marks is True:
            return True
        inside = isinstance(marks, dict) and step in marks
        marks = marks[step] if inside or (isinstance(marks, list) and step < len(marks)) else False
    return marks is True


def free(path, approved, new):
    """Why one change at *path* of the new plan need not be refused; None where it must."""
    section, *rest = path
    if path == ("resource_changes",) and all(each["change"]["actions"] == list(IDLE) for each in new[section]):
        return "tells of nothing that is done"
    if section in {"applyable", "checks", "planned_values", "prior_state", "relevant_attributes"}:
        return "says nothing of what is done"
    if section in {"resource_drift", "timestamp"}:
        return "says nothing of what is done"
    if path == ("output_changes",) or (section == "output_changes" and len(rest) == 1 and rest != ["smuggled"]):
        return "an output that does not change has been set already; terraform evaluates them all in any case"
    if section in {"resource_changes", "output_changes"} and rest and rest[0] in entries(new, section):
        entry = entries(new, section)[rest[0]]
        return free_in_change(section, rest[1:], entry, twin(entry, section, rest[0], approved))
    return None


def plain(marks):
    if isinstance(marks, dict | list):
        return all(map(plain, marks.values() if isinstance(marks, dict) else marks))
    return isinstance(marks, bool)


def places(marks, path=()):
    """The paths that a tree of marks marks."""
    items = marks.items() if isinstance(marks, dict) else enumerate(marks) if isinstance(marks, list) else ()
    inner = {place for step, each in items for place in places(each, (*path, step))}
    return inner | {path} if marks is True else inner


def known_now(path, approved, new, mutant):
    """Whether the mutant only leaves out that something is unknown that was unknown to the reviewer as well."""
    depth = {"output_changes": 2, "resource_changes": 3}.get(path[0], 0)
    if not depth or path[depth : depth + 1] != ("after_unknown",):
        return False
    entry = entries(new, path[0])[path[1]]
    then = twin(entry, path[0], path[1], approved)
    then, now, changed = (each.get("change", each) for each in (then, entry, entries(mutant, path[0])[path[1]]))
    marks, gone = changed.get("after_unknown", {}), places(now["after_unknown"]) - places(changed.get("after_unknown"))
    narrowed = plain(marks) and places(marks) <= places(now["after_unknown"])
    return narrowed and all(at(then["after_unknown"], place) for place in gone)


UNDERSTOOD = (["mode"], ["change"])  # without which no entry is one


def entries(plan, section):
    found = plan.get(section, {})
    return dict(enumerate(found)) if isinstance(found, list) else found


def twin(entry, section, key, approved):
    if section == "output_changes":
        return approved[section].get(key, {})
    found = [each for each in approved[section] if each["address"] == entry["address"]]
    return found[0] if found else {}


def free_in_change(section, rest, entry, approved):
    change = entry if section == "output_changes" else entry["change"]
    place = rest if section == "output_changes" else rest[1:]
    then = approved if section == "output_changes" else approved.get("change", {})
    if tuple(change["actions"]) == IDLE:
        return None if "actions" in rest or rest in UNDERSTOOD else "an entry that does nothing says nothing"
    reasons = {
        "the name of a left object is random; without one, it would be the object in use": rest == ["deposed"],
        "conceals values where a plan is displayed, which nobody is shown": section == "resource_changes"
        and place[:1] in (["before_sensitive"], ["after_sensitive"]),
        "where an output starts from does not matter": section == "output_changes" and place[:1] == ["before"],
        "fewer reasons to replace what is replaced anyway": place[:1] == ["replace_paths"] and "smuggled" not in place,
        "was unknown to the reviewer, so that anything may stand there": place[:1] in (["after"], ["after_unknown"])
        and at(then["after_unknown"], place[1:]),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


@pytest.mark.parametrize("name", WITHIN)
def test_a_pair_that_differs_in_any_one_thing_more_is_refused(name):
    """Change one place of the new plan, whichever: what is a criterion is noticed."""
    approved, new, finished = captured(name)
    judged = [
        (path, mutant)
        for path, mutant in mutants(new)
        if free(path, approved, new) is None and not known_now(path, approved, new, mutant)
    ]
    assert [path for path, mutant in judged if not refusals(approved, mutant, finished)] == []
    assert len(judged) >= 20


def test_members_that_may_differ_freely_are_few_and_do_not_refuse():
    """What says nothing of what is done may say anything."""
    approved, new, finished = captured("plain")
    for member in ("applyable", "checks", "prior_state", "relevant_attributes", "resource_drift", "timestamp"):
        assert refusals(approved, {**new, member: "other"}, finished) == []
    assert refusals(approved, {**new, "planned_values": {"root_module": "other"}}, finished) == []


@pytest.mark.parametrize("name", WITHIN)
def test_no_refusal_holds_a_value(name):
    """Addresses, action words, paths and constant sentences are all that is told of any mutant."""
    approved, new, finished = captured(name)
    for _, mutant in mutants(new):
        told = "\n".join(repr(each) for each in refusals(approved, mutant, finished))
        assert "s3cret" not in told
        assert "3.14159" not in told


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("destroy-forgotten", "--plan-args=-destroy."),
        ("target-forgotten", "--plan-args=-target="),
        ("replace-forgotten", '-replace=terraform_data.e["a"]'),
    ],
)
def test_a_forgotten_planning_option_is_named(name, option):
    """What the JSON of the approved plan betrays of the options that it was made with."""
    (hint,) = hints(*captured(name)[:2])
    assert option in hint


@pytest.mark.parametrize("name", [*WITHIN, "data-moved", "migration", "tainted", "target-narrowed"])
def test_no_option_is_named_without_need(name):
    """Neither for a destroy plan that goes on, nor for one that names its targets."""
    assert hints(*captured(name)[:2]) == []


def test_the_hint_about_replacements_can_be_pasted_into_a_shell():
    """Quoted twice: tfretry takes the value of its option apart as a shell does."""
    (hint,) = hints(*captured("replace-forgotten")[:2])
    option, value = shlex.split(hint.partition(": ")[2].removesuffix("."))
    assert option == "--plan-args"
    assert shlex.split(value) == ['-replace=terraform_data.e["a"]']


@pytest.mark.parametrize(("member", "value"), [("action_reason", "delete_because_no_module"), ("deposed", "K")])
def test_a_delete_that_is_explained_betrays_no_option(member, value):
    """Only one of an object in use and without a reason comes from `-destroy`."""
    approved, new, _ = captured("destroy-forgotten")
    explained, kept = (
        {**each, "resource_changes": [{**change, member: value} for change in each["resource_changes"]]}
        for each in (approved, new)
    )
    assert hints(explained, kept) == []


def test_a_plan_that_does_not_say_that_it_is_partial_is_whole():
    """As that of a terraform < 1.8, which never says."""
    approved, new, _ = captured("plain")
    assert hints({name: each for name, each in approved.items() if name != "complete"}, new) == []

from __future__ import annotations

import copy
import json

import pytest
from corpus import PLANS
from documents import nodes
from hypothesis import given
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey
from tfretry.plan.done import Decision
from tfretry.plan.plan_json import parse
from tfretry.plan.proof import check_rest

UNPROVED = "the rest of the plan is not just what was approved"


def change(address, actions, **more):
    """Write a change as `show -json` does."""
    planned = {
        "actions": actions,
        "before": {"id": "1", "secret": "s", "list": [1, {"k": None}]},
        "after": {"id": "2", "secret": "s", "list": [1.0, True]},
        "after_unknown": {"arn": True, "list": [False]},
        "before_sensitive": {"secret": True},
        "after_sensitive": {"secret": True},
    }
    return {
        "address": address,
        "mode": "managed",
        "type": "a",
        "name": address[2:],
        "provider_name": "registry.terraform.io/a/a",
        "change": planned,
        **more,
    }


REPLACED = change(
    "a.replaced",
    ["create", "delete"],
    action_reason="replace_because_cannot_update",
    previous_address="a.moved",
    module_address="module.m",
    index="k",
)
REPLACED["change"] |= {"replace_paths": [["id"]], "importing": {"id": "1"}}
APPROVED = {
    "format_version": "1.2",
    "terraform_version": "1.11.4",
    "variables": {"v": {"value": [1, None]}},
    "prior_state": {"values": {"root_module": {"resources": []}}},
    "planned_values": {"root_module": {}},
    "resource_drift": [change("a.done", ["update"])],
    "resource_changes": [
        change("a.done", ["create"]),
        change("a.left", ["update"]),
        change("a.left", ["delete"], deposed="00c0ffef"),
        REPLACED,
        change("a.same", ["no-op"]),
    ],
    "output_changes": {"o": {"actions": ["create"], "before": None, "after": "x", "after_unknown": False}},
    "configuration": {"root_module": {"resources": [{"address": "a.left", "expressions": {}}]}},
    "relevant_attributes": [{"resource": "a.left", "attribute": ["id", 0]}],
    "checks": [],
    "timestamp": "2026-11-26T19:06:28Z",
    "applyable": True,
    "errored": False,
}
DELETION = {
    "address": "a.replaced",
    "mode": "managed",
    "type": "a",
    "name": "replaced",
    "provider_name": "registry.terraform.io/a/a",
    "module_address": "module.m",
    "index": "k",
    "deposed": "00c0ffee",
    "change": {
        "actions": ["delete"],
        "before": REPLACED["change"]["before"],
        "after": None,
        "after_unknown": {},
        "before_sensitive": {"secret": True},
        "after_sensitive": False,
    },
}
REST = {**APPROVED, "resource_changes": [*APPROVED["resource_changes"][1:3], DELETION, APPROVED["resource_changes"][4]]}
REST |= {"prior_state": {"values": {}}, "planned_values": {}}


def decision(*done, deposed=None):
    deposed = {} if deposed is None else deposed
    return Decision(done=frozenset(done), left=frozenset(deposed), deposed=deposed, refusals=())


DECISION = decision(ChangeKey("a.done"), deposed={ChangeKey("a.replaced"): "00c0ffee"})


def read(document):
    return parse(json.dumps(document).encode())


def check(rest, approved=APPROVED, decided=DECISION):
    check_rest(read(approved), read(rest), decided)


def edited(document, path, edit):
    """Return a copy of *document* in which *edit* was made to the container and the name at *path*."""
    document = copy.deepcopy(document)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    edit(inner, path[-1])
    return document


def change_value(container, name):
    container[name] = "other" if container[name] != "other" else "another"


def null_value(container, name):
    container[name] = None if container[name] is not None else False


def as_other_type(container, name):
    value = container[name]
    container[name] = str(value) if isinstance(value, (bool, int, float)) else [value]


def remove(container, name):
    del container[name]


def add_beside(container, name):
    if isinstance(container, dict):
        container["a member more"] = None
    else:
        container.insert(name, copy.deepcopy(container[name]))


def add_inside(container, name):
    if isinstance(container[name], dict):
        container[name]["a member more"] = None
    elif isinstance(container[name], list):
        container[name].append(None)
    else:
        container[name] = {"was": container[name]}


EDITS = [change_value, null_value, as_other_type, remove, add_beside, add_inside]


def name_of(change):
    """Return the address of a change, with its deposed object."""
    return change["address"] + (f" (deposed object {change['deposed']})" if "deposed" in change else "")


def named(path):
    return ".".join(map(str, path))


def test_the_exact_rest_is_proved():
    """With a done creation, and the old object of a replacement left to delete."""
    check(REST)
    check(APPROVED, decided=decision())


COMPARED = [path for path in nodes(REST) if path and path[0] not in ("prior_state", "planned_values")]


@pytest.mark.parametrize("path", COMPARED, ids=named)
def test_each_value_of_the_rest_is_proved(path):
    """Changed, made null or another type, removed, with one more beside it or in it: refused."""
    for edit in EDITS:
        with pytest.raises(PlanError):
            check(edited(REST, path, edit))


@given(st.sampled_from(COMPARED), st.sampled_from(["", "x", 0, 1, 1.5, -1, True, None, [], {}, [[]], {"k": 1}]))
def test_any_other_value_is_refused(path, value):
    """In any place."""

    def put(container, name):
        container[name] = value

    rest = edited(REST, path, put)
    if read(rest) == read(REST):
        check(rest)
        return
    with pytest.raises(PlanError):
        check(rest)


@pytest.mark.parametrize("name", ["prior_state", "planned_values"])
def test_members_that_follow_from_the_state_are_not_compared(name):
    """With any value, or without one."""
    for value in (None, [], {"values": {"x": 1}}):
        check({**REST, name: value})
    check(edited(REST, [name], remove))


@pytest.mark.parametrize("n", range(len(REST["resource_changes"])))
def test_a_change_that_is_missing_is_refused_by_name(n):
    """Each change that is left must be in the rest."""
    address = name_of(REST["resource_changes"][n])
    with pytest.raises(PlanError, match=f"^{UNPROVED}$") as caught:
        check(edited(REST, ["resource_changes", n], remove))
    assert caught.value.details == (f"Terraform shows differences in: {address}.",)


@pytest.mark.parametrize(
    "more",
    [
        APPROVED["resource_changes"][0],  # done, and kept by mistake
        REPLACED,  # only the deletion of its old object is left
        change("a.new", ["create"]),
        change("a.left", ["delete"], deposed="00000000"),
        change("a.same", ["update"], deposed="00c0ffee"),
    ],
    ids=lambda each: named([each["address"], *each["change"]["actions"]]),
)
def test_an_additional_change_is_refused_by_name(more):
    """Also one that was approved, and is done."""
    with pytest.raises(PlanError, match=f"^{UNPROVED}$") as caught:
        check({**REST, "resource_changes": [*REST["resource_changes"], more]})
    assert caught.value.details == (f"Terraform shows differences in: {name_of(more)}.",)


def test_a_done_change_that_was_never_approved_makes_no_difference():
    """Only approved entries are compared."""
    check(APPROVED, decided=decision(ChangeKey("a.unknown")))


def test_changes_are_the_same_in_any_order():
    """Terraform sorts them by address."""
    check({**REST, "resource_changes": REST["resource_changes"][::-1]})


def test_a_refusal_is_bounded():
    """It names the first ten differences, and counts the others."""
    more = [change(f"a.n{n:05}", ["create"]) for n in range(2_000)]
    with pytest.raises(PlanError) as caught:
        check({**REST, "resource_changes": [*REST["resource_changes"], *more]})
    names = ", ".join(f"a.n{n:05}" for n in range(10))
    assert caught.value.details == (f"Terraform shows differences in: {names}, 1990 more.",)


def test_a_change_twice_is_refused():
    """Even if both are equal."""
    with pytest.raises(PlanError, match="two changes of one object"):
        check({**REST, "resource_changes": [*REST["resource_changes"], DELETION]})


@pytest.mark.parametrize("name", [name for name in APPROVED if name not in ("prior_state", "planned_values")])
def test_a_difference_is_refused_by_the_name_of_its_member_and_no_value(name):
    """A plan holds secrets."""
    if name == "resource_changes":
        with pytest.raises(PlanError) as caught:
            check(edited(REST, [name, 0, "change", "after", "secret"], change_value))
        assert (str(caught.value), caught.value.details) == (UNPROVED, ("Terraform shows differences in: a.left.",))
        return
    for edit in (change_value, remove):
        with pytest.raises(PlanError) as caught:
            check(edited(REST, [name], edit))
        assert (str(caught.value), caught.value.details) == (UNPROVED, (f"Terraform shows differences in: {name}.",))


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_an_additional_member_is_refused_by_its_name(value):
    """Also an empty one, since its meaning is unknown."""
    for approved, rest in ((APPROVED, {**REST, "new": value}), ({**APPROVED, "new": value}, REST)):
        with pytest.raises(PlanError, match=f"^{UNPROVED}$") as caught:
            check(rest, approved=approved)
        assert caught.value.details == ("Terraform shows differences in: new.",)


def test_the_deletion_of_a_deposed_object_has_its_own_key():
    """The deletion of another deposed object at the same address is not approved."""
    with pytest.raises(PlanError, match=UNPROVED):
        check(REST, decided=decision(ChangeKey("a.done"), deposed={ChangeKey("a.replaced"): "00c0ffef"}))
    with pytest.raises(PlanError, match=UNPROVED):
        check(REST, decided=decision(ChangeKey("a.done")))
    with pytest.raises(PlanError, match=UNPROVED):
        check(REST, decided=decision(ChangeKey("a.done"), ChangeKey("a.replaced")))


def test_the_deletion_of_a_sensitive_object_is_as_sensitive():
    """Its `before` and `before_sensitive` are those that were approved."""
    for sensitive in (False, True, {"secret": True, "id": True}):
        approved, rest = copy.deepcopy(APPROVED), copy.deepcopy(REST)
        approved["resource_changes"][3]["change"]["before_sensitive"] = sensitive
        rest["resource_changes"][2]["change"]["before_sensitive"] = sensitive
        check(rest, approved=approved)
        with pytest.raises(PlanError):
            check(rest)


@pytest.mark.parametrize("odd", [None, True, 0, "", "text", [], [{}]], ids=repr)
def test_an_answer_that_is_no_plan_is_reported(odd):
    """As a wrapper of terraform might answer."""
    for approved, rest in ((APPROVED, odd), (odd, REST), (odd, odd)):
        with pytest.raises(PlanError, match=r"it is not a plan$"):
            check(rest, approved=approved)
    for name in ("resource_changes", "change"):
        rest = {**REST, "resource_changes": odd if name == "resource_changes" else [{**DELETION, "change": odd}]}
        with pytest.raises(PlanError):
            check(rest)


@pytest.mark.parametrize("name", ["before", "before_sensitive"])
def test_an_incomplete_replacement_is_reported(name):
    """There is nothing to compare the deletion of its old object with."""
    approved = edited(APPROVED, ["resource_changes", 3, "change", name], remove)
    with pytest.raises(PlanError):
        check(REST, approved=approved)


def test_numbers_are_compared_to_the_last_digit():
    """A float would make them equal."""
    for one, other in (("9007199254740993", "9007199254740992"), ("1", "1.0"), ("0", "false")):
        approved, rest = (parse(f'{{"variables":{text}}}'.encode()) for text in (one, other))
        with pytest.raises(PlanError):
            check_rest(approved, rest, decision())
        check_rest(approved, approved, decision())


def test_the_rest_of_a_captured_plan_is_proved():
    """OpenTofu applied it, and it created one resource."""
    approved, rest = (parse((PLANS / f"{name}.show.json").read_bytes()) for name in ("approved", "rest"))
    cluster, service = ChangeKey("slow_thing.cluster"), ChangeKey("slow_thing.svc")
    check_rest(approved, rest, decision(cluster))
    for wrong in (decision(), decision(service), decision(cluster, service)):
        with pytest.raises(PlanError, match=UNPROVED):
            check_rest(approved, rest, wrong)

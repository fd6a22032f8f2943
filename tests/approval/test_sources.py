from __future__ import annotations

import pytest

from tfretry.approval.check import refusals
from tfretry.output.progress import Completion
from tfretry.savedplan.documents import Number

READ = {"address": "data.x.d", "mode": "data", "type": "x", "name": "d", "values": {"id": Number("1"), "token": ["s3"]}}


def plan(refers, *read, where="provider_config", deep=False, runs="local-exec", changes=()):
    """A plan whose provider or provisioner refers to *refers*, and what it has read and changes."""
    expressions = {"expressions": {"host": [{"references": [refers]}], "fixed": {"constant_value": "data.x.d"}}}
    providers = {"p": {"name": "p", **expressions}} if where == "provider_config" else {}
    resource = {"address": "a.b", "provisioners": [{"type": runs, **expressions}]}
    plain = {"address": "a.b", "type": "a", "name": "b", **expressions}
    module = {"resources": [resource] if where == "provisioners" else [plain]}
    configured = {"root_module": {"module_calls": {"m": {"module": module}}} if deep else module}
    state = {"child_modules": [{"resources": list(read)}]} if deep else {"resources": list(read)}
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {},
        "configuration": {"provider_config": providers, **configured},
        "prior_state": {"values": {"root_module": state}},
        "resource_changes": list(changes),
    }


def reading(**values):
    return {**READ, "values": {**READ["values"], **values}}


@pytest.mark.parametrize("where", ["provider_config", "provisioners"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "refers",
    [
        "data.x.d",
        "data.x.d.id",
        "data.x.d[0]",
        'data.x.d["a.b"].id',
        "local.a",
        "module.m.o",
        "each.value",
        "var.v",
        "ephemeral.x.y",
    ],
)
def test_data_that_feeds_a_provider_or_a_script_must_read_the_same(where, deep, refers):
    """The new plan would do the same changes, elsewhere; what stands for data without naming it counts too."""
    approved, new = (plan(refers, each, where=where, deep=deep) for each in (READ, reading(id=Number("2"))))
    (found,) = refusals(approved, new, [])
    assert (found.address, found.path) == ("data.x.d", "id")
    assert found.why == "feeds a script, a provider or a write-only argument, and reads otherwise now"
    assert refusals(approved, approved, []) == []


@pytest.mark.parametrize("where", ["provider_config", "provisioners"])
def test_data_that_is_no_longer_read_is_refused(where):
    """It may read anything in the apply."""
    (found,) = refusals(plan("data.x.d", READ, where=where), plan("data.x.d", where=where), [])
    assert (found.address, found.path) == ("data.x.d", None)


def test_data_that_was_not_read_for_the_approved_plan_may_read_anything():
    """The reviewer knew that it was to be read later."""
    assert refusals(plan("data.x.d"), plan("data.x.d", READ), []) == []


@pytest.mark.parametrize("where", ["provider_config", "provisioners"])
@pytest.mark.parametrize("refers", ["data.x.do", "data.x.other", "a.b.id", "self.id", "path.module"])
def test_data_that_feeds_neither_may_read_otherwise(where, refers):
    """Where it feeds a change, the change tells; a script that runs here needs no connection."""
    approved, new = (plan(refers, each, where=where) for each in (READ, reading(id=Number("2"))))
    assert refusals(approved, new, []) == []


def test_an_object_of_the_state_is_no_data():
    """What an attempt has changed is judged with its change."""
    approved, new = (plan("local.a", {**each, "mode": "managed"}) for each in (READ, reading(id=Number("2"))))
    assert refusals(approved, new, []) == []


def test_data_that_feeds_only_resources_is_judged_with_them():
    """Not every reference is one of a provider or of a script."""
    approved, new = (plan("data.x.d", each, where="resources") for each in (READ, reading(id=Number("2"))))
    assert refusals(approved, new, []) == []


@pytest.mark.parametrize("marks", [({"token": True},) * 2, ({"token": [True]},) * 2, ({"token": True}, {}), ({}, True)])
def test_credentials_may_be_new_ones(marks):
    """A token is another with each reading; who asks is not where. One mark of the two is enough."""
    one, other = (
        {**each, "sensitive_values": mark} for each, mark in zip((READ, reading(token=["s4"])), marks, strict=True)
    )
    assert refusals(plan("data.x.d", one), plan("data.x.d", other), []) == []


def test_a_list_that_is_no_credential_must_read_the_same():
    """Element by element."""
    approved, new = plan("data.x.d", READ), plan("data.x.d", reading(token=["s4"]))
    assert [each.path for each in refusals(approved, new, [])] == ["token[0]"]


def test_an_attribute_beside_a_credential_must_read_the_same():
    """A mark conceals what it marks, and no more."""
    one, other = ({**each, "sensitive_values": {"token": True}} for each in (READ, reading(id=Number("2"))))
    assert [each.path for each in refusals(plan("data.x.d", one), plan("data.x.d", other), [])] == ["id"]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("runs", ["remote-exec", "file", "chef", None])
def test_data_may_feed_a_connection_that_no_plan_shows(deep, runs):
    """Where a script is sent is not in the JSON: with a provisioner that sends one, all data must read the same."""
    approved, new = (
        plan("path.module", each, where="provisioners", deep=deep, runs=runs)
        for each in (READ, reading(id=Number("2")))
    )
    (found,) = refusals(approved, new, [])
    assert (found.address, found.path) == ("data.x.d", "id")
    assert refusals(approved, approved, []) == []


@pytest.mark.parametrize("provisioners", [["remote-exec"], None, [{"type": "local-exec"}, {"type": "remote-exec"}]])
def test_provisioners_that_are_not_understood_may_have_a_connection(provisioners):
    """And so has one of several."""
    approved, new = (plan("path.module", each, where="provisioners") for each in (READ, reading(id=Number("2"))))
    for each in (approved, new):
        each["configuration"]["root_module"]["resources"] = [{"provisioners": provisioners}]
    assert [each.address for each in refusals(approved, new, [])] == ["data.x.d"]


def managed(before, actions=("no-op",), after=None, **more):
    """The entry of an object `x.d`."""
    entry = {"address": "x.d[0]", "mode": "managed", "type": "x", "name": "d", **more}
    after = before if actions == ("no-op",) else after
    return {**entry, "change": {"actions": list(actions), "before": before, "after": after, "after_unknown": {}}}


WAS, IS = {"id": Number("1"), "note": "safe"}, {"id": Number("1"), "note": "other"}


@pytest.mark.parametrize("where", ["provider_config", "provisioners"])
@pytest.mark.parametrize("refers", ["x.d", "x.d.note", "x.d[0].note", "local.a", "each.value"])
def test_an_object_that_feeds_a_provider_or_a_script_must_be_the_same(where, refers):
    """Another run may have changed it in between; no change of either plan tells, as nothing is planned for it."""
    approved, new = (plan(refers, where=where, changes=[managed(each)]) for each in (WAS, IS))
    (found,) = refusals(approved, new, [])
    assert (found.address, found.approved, found.now, found.path) == ("x.d[0]", "as reviewed", "different", "note")
    assert found.why == "feeds a script, a provider or a write-only argument, and is otherwise now"
    assert refusals(approved, approved, []) == []


def test_an_object_may_feed_a_connection():
    """As data may."""
    approved, new = (
        plan("self.id", where="provisioners", runs="remote-exec", changes=[managed(each)]) for each in (WAS, IS)
    )
    assert [each.path for each in refusals(approved, new, [])] == ["note"]


@pytest.mark.parametrize("refers", ["x.do", "x.other.note", "data.x.d", "a.b.id", "self.id"])
def test_an_object_that_feeds_neither_may_be_another(refers):
    """What it feeds else is judged with the change."""
    approved, new = (plan(refers, changes=[managed(each)]) for each in (WAS, IS))
    assert refusals(approved, new, []) == []


@pytest.mark.parametrize("marks", ["before_sensitive", "after_sensitive"])
def test_where_an_object_differs_is_told_no_further_than_it_is_sensitive(marks):
    """A key may be a secret too."""
    entry = managed({"v": {"s3cret": "x"}})
    entry["change"][marks] = {"v": True}
    pair = [plan("x.d", changes=[each]) for each in (managed({"v": {"s3cret": "y"}}), entry)]
    for one, other in (pair, pair[::-1]):
        assert [each.path for each in refusals(one, other, [])] == ["v"]


@pytest.mark.parametrize(("action", "before"), [("update", WAS), ("create", None)])
def test_an_object_that_the_approved_plan_has_changed_is_another(action, before):
    """It feeds the script with what was approved for it, and its change is judged as one."""
    finished = [Completion(action=action, address="x.d[0]", deposed=None)]
    approved = plan("x.d.note", changes=[managed(before, actions=(action,), after=IS)])
    assert refusals(approved, plan("x.d.note", changes=[managed(IS)]), finished) == []


@pytest.mark.parametrize("refers", ["x.d.note", "local.a"])
@pytest.mark.parametrize(("action", "before"), [("update", WAS), ("create", None)])
def test_an_object_that_is_otherwise_than_approved_feeds_nothing(refers, action, before):
    """The approved plan has changed it, and another run has changed it since: the script would be another."""
    finished = [Completion(action=action, address="x.d[0]", deposed=None)]
    approved = plan(refers, changes=[managed(before, actions=(action,), after=IS)])
    (found,) = refusals(approved, plan(refers, changes=[managed({**IS, "note": "evil"})]), finished)
    assert (found.address, found.path) == ("x.d[0]", "note")
    approved["resource_changes"][0]["change"] |= {"after": {"id": Number("1")}, "after_unknown": {"note": True}}
    assert refusals(approved, plan(refers, changes=[managed({**IS, "note": "any"})]), finished) == []


@pytest.mark.parametrize("after", [{"host": None}, {"k": [{"host": None}]}])
@pytest.mark.parametrize("refers", ["data.x.d.id", "x.d.note", "local.a"])
def test_what_feeds_an_argument_that_may_be_write_only_must_be_the_same(refers, after):
    """It is null in every plan, and terraform works it out in the apply."""
    created = {**managed(None, actions=("create",), after=after, type="a", name="b"), "address": "a.b"}
    one = plan(refers, READ, where="resources", changes=[created, managed(WAS)])
    moved = plan(refers, reading(id=Number("2")), where="resources", changes=[created, managed(IS)])
    told = {("data.x.d", "id"), ("x.d[0]", "note")}
    expected = {each for each in told if refers == "local.a" or refers.startswith(each[0].partition("[")[0])}
    assert {(each.address, each.path) for each in refusals(one, moved, [])} == expected
    created["change"]["after"] = {"host": "known"}
    assert refusals(one, moved, []) == []
    created["change"] |= {"after": {"host": None}, "after_unknown": {"host": True}}
    assert refusals(one, moved, []) == []
    created["change"] |= {"actions": ["no-op"], "before": {"host": None}, "after_unknown": {}}
    assert refusals(one, moved, []) == []


@pytest.mark.parametrize(
    ("refers", "where", "told"),
    [
        ("data.x.d.token", "provisioners", ["token"]),
        ("local.a", "provisioners", ["token"]),
        ("data.x.d.token", "resources", ["token"]),
        ("local.a", "resources", []),
        ("data.x.d.token", "provider_config", []),
        ("local.a", "provider_config", []),
    ],
)
def test_a_secret_that_feeds_a_script_must_be_the_same(refers, where, told):
    """A script may be one itself; where a secret only may feed an argument, it is taken for a provider's."""
    created = {**managed(None, actions=("create",), after={"host": None}, type="a", name="b"), "address": "a.b"}
    approved, new = (
        plan(
            refers,
            {**each, "sensitive_values": {"token": True}},
            where=where,
            changes=[created] if where == "resources" else [],
        )
        for each in (READ, reading(token=["s4"]))
    )
    assert [each.path for each in refusals(approved, new, [])] == told


def test_an_object_that_has_been_deleted_feeds_nothing():
    """It has no entry any more; where terraform would create it anew, that was not approved."""
    assert refusals(plan("x.d", changes=[managed(WAS)]), plan("x.d"), []) == []


@pytest.mark.parametrize(
    "state",
    ["x", {"values": "x"}, {"values": {"root_module": {"resources": ["x"]}}}]
    + [{"values": {"root_module": module}} for module in ([], {"child_modules": "x"}, {"child_modules": ["x"]})]
    + [{"values": {"root_module": {"resources": [{**READ, "address": None}]}}}],
)
def test_a_state_that_is_not_understood_is_refused(state):
    """What cannot be compared may have changed."""
    (found,) = refusals(plan("data.x.d", READ), {**plan("data.x.d"), "prior_state": state}, [])
    assert "not understood" in found.why

from __future__ import annotations

import pytest

from tfretry.approval import refusals
from tfretry.plans import Number

READ = {"address": "data.x.d", "mode": "data", "type": "x", "name": "d", "values": {"id": Number("1"), "token": ["s3"]}}


def plan(refers, *read, where="provider_config", deep=False):
    """A plan whose provider or provisioner refers to *refers*, and what it has read."""
    expressions = {"expressions": {"host": [{"references": [refers]}], "fixed": {"constant_value": "data.x.d"}}}
    providers = {"p": {"name": "p", **expressions}} if where == "provider_config" else {}
    resource = {"address": "a.b", "provisioners": [{"type": "local-exec", **expressions}]}
    module = {"resources": [resource] if where == "provisioners" else [{"address": "a.b", **expressions}]}
    configured = {"root_module": {"module_calls": {"m": {"module": module}}} if deep else module}
    state = {"child_modules": [{"resources": list(read)}]} if deep else {"resources": list(read)}
    return {
        "format_version": "1.2",
        "configuration": {"provider_config": providers, **configured},
        "prior_state": {"values": {"root_module": state}},
    }


def reading(**values):
    return {**READ, "values": {**READ["values"], **values}}


@pytest.mark.parametrize("where", ["provider_config", "provisioners"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "refers", ["data.x.d", "data.x.d.id", "data.x.d[0]", "local.a", "module.m.o", "each.value", "var.v"]
)
def test_data_that_feeds_a_provider_or_a_script_must_read_the_same(where, deep, refers):
    """The new plan would do the same changes, elsewhere; what stands for data without naming it counts too."""
    approved, new = (plan(refers, each, where=where, deep=deep) for each in (READ, reading(id=Number("2"))))
    (found,) = refusals(approved, new, [])
    assert (found.address, found.path) == ("data.x.d", "id")
    assert refusals(approved, approved, []) == []


def test_data_that_is_no_longer_read_is_refused():
    """It may read anything in the apply."""
    (found,) = refusals(plan("data.x.d", READ), plan("data.x.d"), [])
    assert (found.address, found.path) == ("data.x.d", None)


def test_data_that_was_not_read_for_the_approved_plan_may_read_anything():
    """The reviewer knew that it was to be read later."""
    assert refusals(plan("data.x.d"), plan("data.x.d", READ), []) == []


@pytest.mark.parametrize("refers", ["data.x.do", "data.x.other", "a.b.id", "self.id", "path.module"])
def test_data_that_feeds_neither_may_read_otherwise(refers):
    """Where it feeds a change, the change tells."""
    assert refusals(plan(refers, READ), plan(refers, reading(id=Number("2"))), []) == []


def test_data_that_feeds_only_resources_is_judged_with_them():
    """Not every reference is one of a provider or of a script."""
    approved, new = (plan("data.x.d", each, where="resources") for each in (READ, reading(id=Number("2"))))
    assert refusals(approved, new, []) == []


@pytest.mark.parametrize("marks", [{"token": True}, {"token": [True]}])
def test_credentials_may_be_new_ones(marks):
    """A token is another with each reading; who asks is not where."""
    one, other = ({**each, "sensitive_values": marks} for each in (READ, reading(token=["s4"])))
    assert refusals(plan("data.x.d", one), plan("data.x.d", other), []) == []


def test_a_list_that_is_no_credential_must_read_the_same():
    """Element by element."""
    approved, new = plan("data.x.d", READ), plan("data.x.d", reading(token=["s4"]))
    assert [each.path for each in refusals(approved, new, [])] == ["token[0]"]


def test_an_attribute_beside_a_credential_must_read_the_same():
    """A mark conceals what it marks, and no more."""
    one, other = ({**each, "sensitive_values": {"token": True}} for each in (READ, reading(id=Number("2"))))
    assert [each.path for each in refusals(plan("data.x.d", one), plan("data.x.d", other), [])] == ["id"]


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

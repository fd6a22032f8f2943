from __future__ import annotations

import itertools
import json

import pytest
from corpus import PLANS
from documents import ODD, distorted, nodes, removed, replaced
from hypothesis import given
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.plan_json import Number, ObjectKey
from tfretry.plan.state import has_same_substance, read_state

PROVIDER = 'provider["registry.terraform.io/hashicorp/aws"]'
INSTANCE = {
    "schema_version": 0,
    "attributes": {"id": "i-1", "size": 1},
    "sensitive_attributes": [[{"type": "get_attr", "value": "a"}], [{"type": "get_attr", "value": "b"}]],
    "private": "cA==",
    "dependencies": ["a.c", "a.d", "module.m.a.e"],
}
RESOURCE = {"mode": "managed", "type": "a", "name": "b", "provider": PROVIDER, "instances": [INSTANCE]}
STATE = {
    "version": 4,
    "terraform_version": "1.11.4",
    "serial": 7,
    "lineage": "c164bc2c",
    "outputs": {"o": {"value": 1, "type": "number"}},
    "resources": [RESOURCE],
    "check_results": [{"object_kind": "check", "status": "pass"}],
}
B = ObjectKey("", "managed", "a", "b", None)


def read(document):
    return read_state(json.dumps(document).encode())


def of(*instances, **resource):
    """Read a state of one resource with *instances*."""
    return read({**STATE, "resources": [{**RESOURCE, **resource, "instances": list(instances)}]})


def test_a_state_has_objects_and_other_members():
    """Each object with the provider of its resource."""
    state = read(STATE)
    assert (state.lineage, state.serial) == ("c164bc2c", 7)
    assert state.objects.keys() == {(B, "")}
    assert state.objects[B, ""]["attributes"] == {"id": "i-1", "size": Number("1")}
    assert state.objects[B, ""]["provider"] == PROVIDER
    assert state.rest.keys() == {"version", "terraform_version", "serial", "lineage", "outputs"}
    assert json.loads(state.text) == STATE


def test_the_document_stays_as_terraform_wrote_it():
    """It becomes a member of the rest: no number is rounded, nothing sorted."""
    text = json.dumps({**STATE, "outputs": {"z": 1, "a": 2}}, indent=2).encode()
    assert read_state(text + b"\n").text == text


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n"])
def test_an_empty_answer_is_no_state(text):
    """Terraform answers so before the first write; the lineage is empty, the serial 0."""
    state = read_state(text)
    assert (state.lineage, state.serial, state.objects) == ("", 0, {})
    assert json.loads(state.text)["version"] == 4
    assert state.says_the_same_as(read_state(state.text))


@pytest.mark.parametrize("resources", [None, []])
def test_a_state_without_resources_has_no_objects(resources):
    """Go writes an empty list as null if it was never created."""
    assert read({**STATE, "resources": resources}).objects == {}


def test_instances_of_count_and_of_for_each_differ():
    """`a.b[0]`, `a.b["0"]` and `a.b`: three objects."""
    state = of({**INSTANCE, "index_key": 0}, {**INSTANCE, "index_key": "0"}, INSTANCE)
    assert [key.index_key for key, _ in state.objects] == [Number("0"), "0", None]
    assert state.objects.keys() == {(B._replace(index_key=index), "") for index in (Number("0"), "0", None)}


def test_deposed_objects_have_their_own_keys():
    """Beside the current object of the same instance, or without one."""
    state = of(INSTANCE, {**INSTANCE, "deposed": "00c0ffee"}, {**INSTANCE, "deposed": "00c0ffef", "index_key": 1})
    assert state.objects.keys() == {
        (B, ""),
        (B, "00c0ffee"),
        (B._replace(index_key=Number("1")), "00c0ffef"),
    }


def test_objects_differ_by_each_part_of_their_names():
    """Module, mode, type, name."""
    others = [{"module": "module.m"}, {"mode": "data"}, {"type": "c"}, {"name": "d"}]
    state = read({**STATE, "resources": [RESOURCE, *({**RESOURCE, **other} for other in others)]})
    assert state.objects.keys() == {(B._replace(**other), "") for other in [{}, *others]}


@pytest.mark.parametrize("more", [{}, {"index_key": 0}, {"index_key": "k"}, {"deposed": "00c0ffee"}])
def test_one_object_twice_is_refused(more):
    """In one resource, and in two."""
    instance = {**INSTANCE, **more}
    for resources in (
        [{**RESOURCE, "instances": [instance, instance]}],
        [{**RESOURCE, "instances": [instance]}, {**RESOURCE, "instances": [instance]}],
    ):
        with pytest.raises(PlanError, match=r"^the state has one object twice$"):
            read({**STATE, "resources": resources})


@pytest.mark.parametrize("version", [3, 5, "4", 4.0, True, None, 40])
def test_another_version_of_the_format_is_refused(version):
    """An unknown format is not compared."""
    with pytest.raises(PlanError, match=r"^the state has a format that tfretry does not know$"):
        read({**STATE, "version": version})


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_state_of_any_odd_shape_is_reported(odd):
    """With any value replaced or missing: PlanError, or a state."""
    state = {**STATE, "resources": [{**RESOURCE, "module": "m", "instances": [{**INSTANCE, "index_key": "k"}]}]}
    state["resources"][0]["instances"][0]["deposed"] = "d"
    for document in distorted(state, odd):
        try:
            read(document)
        except PlanError as error:
            assert str(error).startswith(("terraform's answer cannot be read: it is not", "the state "))  # noqa: PT017


@pytest.mark.parametrize("name", ["version", "serial", "lineage", "resources"])
def test_a_state_without_a_required_member_is_refused(name):
    """Terraform's answer is checked."""
    with pytest.raises(PlanError, match=r"^terraform's answer cannot be read: it is not a state$"):
        read(removed(STATE, [name]))


@pytest.mark.parametrize("name", ["mode", "type", "name", "provider", "instances"])
def test_a_resource_without_a_required_member_is_refused(name):
    """Terraform's answer is checked."""
    with pytest.raises(PlanError, match=r"^terraform's answer cannot be read: it is not a state$"):
        read(removed(STATE, ["resources", 0, name]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("serial", odd) for odd in (None, "7", "", [], {}, 1.5, True)],
        *[("lineage", odd) for odd in (None, 7, [], {}, True)],
    ],
)
def test_a_serial_is_a_whole_number_and_a_lineage_a_text(name, value):
    """These two decide whether a state is the one of the plan."""
    with pytest.raises(PlanError, match=r"^terraform's answer cannot be read: it is not a state$"):
        read({**STATE, name: value})


@pytest.mark.parametrize("text", [b"x", b"{", b'{"version":4,"version":4}', b"No state file was found!", b"\xff"])
def test_an_answer_that_is_no_json_is_refused(text):
    """As a wrapper might answer."""
    with pytest.raises(PlanError, match="it is not the JSON that was expected"):
        read_state(text)


def orders(name):
    return [list(order) for order in itertools.permutations(INSTANCE[name])]


@pytest.mark.parametrize("name", ["sensitive_attributes", "dependencies"])
def test_lists_that_come_in_any_order_are_equal_in_any_order(name):
    """Terraform writes them in random order."""
    for order in orders(name):
        assert read(STATE).says_the_same_as(of({**INSTANCE, name: order}))


def test_a_list_of_an_object_keeps_its_order():
    """Only what terraform keeps as a set is sorted."""
    one = {**INSTANCE, "attributes": {"list": ["a", "b"], "dependencies": ["a", "b"]}}
    other = {**INSTANCE, "attributes": {"list": ["a", "b"], "dependencies": ["b", "a"]}}
    assert not of(one).says_the_same_as(of(other))


@pytest.mark.parametrize("results", [None, [], [{"object_kind": "check", "status": "fail"}], {"any": "thing"}])
def test_check_results_are_not_compared(results):
    """They come in random order."""
    assert read(STATE).says_the_same_as(read({**STATE, "check_results": results}))
    assert read(STATE).says_the_same_as(read(removed(STATE, ["check_results"])))


@pytest.mark.parametrize("path", [path for path in nodes(STATE) if path and path[0] != "check_results"], ids=repr)
def test_each_other_value_is_compared(path):
    """If it is replaced or removed, the two states differ, or the second is no state."""
    assert read(STATE).says_the_same_as(read(STATE))
    for document in (*(replaced(STATE, path, new) for new in ("other", {"other": 1}, None)), removed(STATE, path)):
        try:
            other = read(document)
        except PlanError:
            continue
        assert not read(STATE).says_the_same_as(other)
        assert not other.says_the_same_as(read(STATE))


def test_an_additional_object_or_member_is_noticed():
    """In either direction."""
    more = read({**STATE, "resources": [RESOURCE, {**RESOURCE, "name": "c"}]})
    assert not more.says_the_same_as(read(STATE))
    assert not read(STATE).says_the_same_as(more)
    assert not read(STATE).says_the_same_as(read({**STATE, "backend": {}}))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"private": "x"}, True),
        ({"dependencies": []}, True),
        ({"schema_version": 1}, True),
        ({"create_before_destroy": True}, True),
        ({"sensitive_attributes": []}, True),
        ({"status": "tainted"}, False),
        ({"attributes": {"id": "i-1", "size": 1.0}}, False),
        ({"attributes": {"id": "i-1", "size": "1"}}, False),
        ({"attributes": {"id": "i-1"}}, False),
        ({"attributes_flat": {"id": "i-1"}}, False),
    ],
)
def test_the_substance_of_an_object_is_what_an_operation_changes(more, expected):
    """Terraform rewrites its bookkeeping when an operation fails, too."""
    one, other = of(INSTANCE).objects[B, ""], of({**INSTANCE, **more}).objects[B, ""]
    assert has_same_substance(one, other) is has_same_substance(other, one) is expected


def test_an_object_that_is_not_there_has_the_substance_of_none():
    """Not that of an empty one."""
    assert has_same_substance(None, None)
    assert not has_same_substance(None, {})
    assert not has_same_substance({}, None)


@given(st.permutations(range(5)))
def test_resources_are_the_same_in_any_order(order):
    """As instances are: each has its key."""
    resources = [{**RESOURCE, "name": f"n{n}"} for n in range(5)]
    one, other = ({**STATE, "resources": [resources[n] for n in each]} for each in (range(5), order))
    assert read(one).says_the_same_as(read(other))


def test_a_captured_state_is_read():
    """Of OpenTofu, after a failure."""
    state = read_state((PLANS / "pulled.json").read_bytes())
    assert (state.lineage, state.serial) == ("c164bc2c-5371-527d-7784-b2208853b2c3", 1)
    assert state.objects.keys() == {(ObjectKey("", "managed", "slow_thing", "cluster", None), "")}

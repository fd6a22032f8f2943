from __future__ import annotations

import json

import pytest
from corpus import PLANS
from documents import ODD, distorted
from hypothesis import given
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.changes import ChangeKey
from tfretry.plan.plan_json import Number, ObjectKey, addresses, entries, has_ephemeral_resources, parse

LONG = "3.14159265358979323846264338327950288419716939937510582097494459"
CHANGE = {"address": "a.b", "mode": "managed", "type": "a", "name": "b", "change": {"actions": ["create"]}}


def read(document):
    return parse(json.dumps(document).encode())


def test_numbers_keep_every_digit():
    """A float would round them, and rounded numbers compare equal."""
    assert parse(f"[{LONG}, 1e400, -0, 1.0]".encode()) == [Number(LONG), Number("1e400"), Number("-0"), Number("1.0")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[("1", "true"), ("1", '"1"'), ("1", "1.0"), ("0", "false"), ("0", "null"), ("0", "-0"), ("[]", "{}")],
        *[("9007199254740993", "9007199254740992"), (LONG, LONG[:-1]), ("1e400", "2e400"), ('""', "null")],
    ],
)
def test_values_of_different_types_or_digits_are_never_equal(one, other):
    """Neither alone nor inside a list or an object, in either order."""
    for shape in ("{}", "[{}]", '{{"k": {}}}'):
        left, right = parse(shape.format(one).encode()), parse(shape.format(other).encode())
        assert left != right
        assert right != left
        assert left == parse(shape.format(one).encode())


@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,80})(\.[0-9]{1,80})?([eE][+-]?[0-9]{1,5})?\Z"))
def test_any_number_is_its_digits(text):
    """It keeps all of them, and equals no text."""
    (number,) = parse(f"[{text}]".encode())
    assert isinstance(number, Number)
    assert str(number) == text
    assert number == Number(text)
    assert number != text
    assert text != number


def test_a_number_counts_as_one_in_a_set():
    """Equal numbers have equal hashes."""
    assert {Number("1"), Number("1"), "1"} == {Number("1"), "1"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b'{"s3cret": 1, "s3cret": 2}',
        b'[{"a": {"s3cret": 1, "s3cret": 1}}]',
        b'{"s3cret": 1, "\\u00733cret": 1}',
        b"NaN",
        b'{"s3cret": Infinity}',
        b"[-Infinity]",
        b'"s3cret\xff"',
        b'{"s3cret": 1} x',
        b'{"s3cret": 1}{"s3cret": 1}',
        b"{'s3cret': 1}",
        b'["s3cret",]',
        b'"s3cret\n"',
        b"[01]",
        b"[" * 100_000,
        b'{"s3cret":' * 100_000,
    ],
)
def test_invalid_json_is_refused_without_quoting_it(text):
    """Broken, ambiguous or endless JSON: neither the error nor its cause contains the text."""
    with pytest.raises(PlanError) as caught:
        parse(text)
    assert str(caught.value) == "terraform's answer cannot be read: it is not the JSON that was expected"
    assert (caught.value.details, caught.value.__cause__, caught.value.__suppress_context__) == ((), None, True)


def test_changes_are_read_by_address_and_deposed_key():
    """With the actions as one text, the key of the object in the state, and the complete change."""
    other = {**CHANGE, "deposed": "00c0ffee", "index": "k", "module_address": "module.m", "mode": "data"}
    other["change"] = {"actions": ["delete", "create"], "before": 1.0}
    found = entries(read({"resource_changes": [CHANGE, other]}))
    one, two = found[ChangeKey("a.b")], found[ChangeKey("a.b", "00c0ffee")]
    assert len(found) == 2
    assert (one.action, one.object) == ("create", ObjectKey("", "managed", "a", "b", None))
    assert (two.action, two.object) == ("delete, create", ObjectKey("module.m", "data", "a", "b", "k"))
    assert (one.document, two.document) == (read(CHANGE), read(other))


def test_a_key_of_for_each_is_no_number_of_count():
    """`a.b["0"]` and `a.b[0]` are two objects."""
    zero = {**CHANGE, "address": "a.b[0]", "index": 0}
    text = {**CHANGE, "address": 'a.b["0"]', "index": "0"}
    found = entries(read({"resource_changes": [zero, text]}))
    assert [entry.object.index_key for entry in found.values()] == [Number("0"), "0"]
    assert len({entry.object for entry in found.values()}) == 2


@pytest.mark.parametrize("document", [{}, {"resource_changes": None}, {"resource_changes": []}])
def test_a_plan_without_changes_has_none(document):
    """The member is left out then."""
    assert entries(read(document)) == {}


@pytest.mark.parametrize("deposed", [{}, {"deposed": "00c0ffee"}])
def test_two_changes_of_one_object_are_refused(deposed):
    """It is unknown which of them counts."""
    with pytest.raises(PlanError, match=r"^terraform lists two changes of one object$"):
        entries(read({"resource_changes": [{**CHANGE, **deposed}, {**CHANGE, **deposed}]}))


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_plan_of_any_odd_shape_is_reported(odd):
    """With any value replaced or missing: PlanError, or a change that is read."""
    for document in distorted(
        {"resource_changes": [{**CHANGE, "index": "k", "deposed": "d", "module_address": "m"}]}, odd
    ):
        try:
            entries(read(document))
        except PlanError as error:
            assert str(error) == "terraform's answer cannot be read: it is not a plan"  # noqa: PT017


@pytest.mark.parametrize("name", ["address", "mode", "type", "name", "change"])
def test_a_change_without_a_required_member_is_refused(name):
    """Terraform's answer is checked."""
    with pytest.raises(PlanError, match="it is not a plan"):
        entries(read({"resource_changes": [{member: value for member, value in CHANGE.items() if member != name}]}))


ROOT_MODULE = {
    "resources": [{"address": "a.b", "mode": "managed", "type": "a", "name": "b"}],
    "child_modules": [
        {"address": "module.m[0]"},
        {
            "address": "module.m[1]",
            "child_modules": [
                {
                    "address": "module.m[1].module.n",
                    "resources": [
                        {
                            "address": "module.m[1].module.n.data.a.b[0]",
                            "mode": "data",
                            "type": "a",
                            "name": "b",
                            "index": 0,
                        }
                    ],
                }
            ],
        },
    ],
}


def test_the_objects_of_the_prior_state_are_read_by_address():
    """In modules of modules, too."""
    assert addresses(read({"prior_state": {"values": {"root_module": ROOT_MODULE}}})) == {
        "a.b": ObjectKey("", "managed", "a", "b", None),
        "module.m[1].module.n.data.a.b[0]": ObjectKey("module.m[1].module.n", "data", "a", "b", Number("0")),
    }


@pytest.mark.parametrize("document", [{}, {"prior_state": {}}, {"prior_state": {"values": {}}}])
def test_a_plan_on_no_state_has_no_objects(document):
    """The member is left out then."""
    assert addresses(read(document)) == {}


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_prior_state_of_any_odd_shape_is_reported(odd):
    """PlanError, or objects."""
    for document in distorted({"prior_state": {"values": {"root_module": ROOT_MODULE}}}, odd):
        try:
            addresses(read(document))
        except PlanError as error:
            assert str(error) == "terraform's answer cannot be read: it is not a plan"  # noqa: PT017


WITHOUT_EPHEMERAL = {"resources": [{"mode": "managed"}], "module_calls": {"m": {"module": {"module_calls": {"n": {}}}}}}
WITH_EPHEMERAL = {"resources": [{"mode": "managed"}, {"mode": "ephemeral"}]}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ({}, False),
        (WITHOUT_EPHEMERAL, False),
        (WITH_EPHEMERAL, True),
        ({"module_calls": {"m": {"module": {"module_calls": {"n": {"module": WITH_EPHEMERAL}}}}}}, True),
        ({"module_calls": {"m": {}, "n": {"module": WITH_EPHEMERAL}}}, True),
    ],
)
def test_an_ephemeral_resource_is_seen_in_any_module(module, expected):
    """Terraform opens it again for the rest."""
    assert has_ephemeral_resources(read({"configuration": {"root_module": module}})) is expected


def test_a_plan_without_configuration_has_no_ephemeral_resources():
    """As OpenTofu may leave it out."""
    assert not has_ephemeral_resources({})


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_configuration_of_any_odd_shape_is_reported(odd):
    """PlanError, or an answer."""
    nested = {"module_calls": {"m": {"module": WITH_EPHEMERAL}}}
    for document in distorted({"configuration": {"root_module": nested}}, odd):
        try:
            assert has_ephemeral_resources(read(document)) in (True, False)
        except PlanError as error:
            assert str(error) == "terraform's answer cannot be read: it is not a plan"  # noqa: PT017


def test_a_captured_plan_is_read():
    """Of OpenTofu, with excluded addresses."""
    document = parse((PLANS / "approved.show.json").read_bytes())
    assert {key: entry.action for key, entry in entries(document).items()} == {
        ChangeKey("slow_thing.cluster"): "create",
        ChangeKey("slow_thing.svc"): "create",
    }
    rest = parse((PLANS / "rest.show.json").read_bytes())
    assert addresses(rest) == {"slow_thing.cluster": ObjectKey("", "managed", "slow_thing", "cluster", None)}
    assert not has_ephemeral_resources(document)

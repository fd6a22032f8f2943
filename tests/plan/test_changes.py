from __future__ import annotations

import pytest
from corpus import PLANS
from hypothesis import given
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.archive import PLAN, read_archive
from tfretry.plan.changes import ACTION_NAMES, KNOWN, ChangeKey, read_changes, without
from tfretry.plan.protobuf import encode, fields

VERSION = encode(1, 3)
BEFORE, AFTER = encode(2, encode(1, b"\x81\xa1a\xa1b")), encode(2, encode(1, b"\x81\xa1a\xa1c"))
CREATE, DELETE, CREATE_DELETE = 1, 5, 7
NOT_REPORTED = {
    27: "it holds deferred changes",
    30: "it invokes actions, and terraform does not report whether an action has run",
    31: "it holds deferred actions",
}


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def change(address, action=CREATE, *, deposed="", more=b"", inner=BEFORE + AFTER):
    """Write a ResourceInstanceChange, its fields in the order of their numbers, as terraform does."""
    parts = encode(7, deposed.encode()) if deposed else b""
    parts += encode(8, b"provider") + encode(9, (encode(1, action) if action else b"") + inner)
    return encode(3, parts + encode(13, address.encode()) + more)


def message(*parts):
    """Write a Plan with other fields before, between and behind its changes."""
    between = encode(5, b"target")
    return VERSION + encode(2, b"variable") + between.join([b"", *parts, b""]) + encode(13, b"backend")


def numbers_of(field):
    return [part.number for part in fields(field)]


def test_changes_are_read_by_address_and_deposed_key():
    """Each with its action."""
    plan = read_changes(message(change("a.b"), change("a.b", DELETE, deposed="00c0ffee"), change('module.x.a.b["é·"]')))
    assert plan.actions == {
        ChangeKey("a.b"): "create",
        ChangeKey("a.b", "00c0ffee"): "delete",
        ChangeKey('module.x.a.b["é·"]'): "create",
    }
    assert plan.changes.keys() == plan.actions.keys()


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "no-op"),
        (1, "create"),
        (2, "read"),
        (3, "update"),
        (5, "delete"),
        (6, "delete, create"),
        (7, "create, delete"),
        (8, "forget"),
        (9, "create, forget"),
        (10, "forget, create"),
    ],
)
def test_an_action_has_the_name_that_show_gives_it(number, name):
    """Terraform's planfile.proto, and its jsonplan; zero is not written."""
    assert read_changes(message(change("a.b", number))).actions == {ChangeKey("a.b"): name}


@given(st.integers(min_value=0, max_value=2**64 - 1).filter(lambda number: number not in ACTION_NAMES))
def test_an_action_that_is_not_known_is_refused(number):
    """It would be unknown whether it is done."""
    with pytest.raises(PlanError, match=rf"an action that tfretry does not know \({number}\)"):
        read_changes(message(change("a.b", number)))


def test_a_change_of_nothing_is_a_no_op():
    """All fields of a message may be left out; a no-op is never done, and stays."""
    content = VERSION + encode(3, encode(13, b"a.b"))
    plan = read_changes(content)
    assert plan.actions == {ChangeKey("a.b"): "no-op"}
    assert without(plan, (), {}) == content


def test_an_action_that_is_no_number_is_refused():
    """It is damage: its bytes are not read as a number."""
    with pytest.raises(PlanError, match="an action that tfretry does not know"):
        read_changes(message(change("a.b", 0, inner=encode(1, b"\x01"))))


@pytest.mark.parametrize(
    "version",
    [b"", encode(1, 0), encode(1, 2), encode(1, 4), encode(1, 3) * 2, encode(1, b"\x03")],
)
def test_another_version_of_the_format_is_refused(version):
    """Also none at all, or two."""
    with pytest.raises(PlanError, match=r"^the plan file has a format that tfretry does not know$"):
        read_changes(version + change("a.b"))


@pytest.mark.parametrize("number", sorted(KNOWN - {1, 3} - NOT_REPORTED.keys()))
def test_a_known_field_makes_no_difference(number):
    """It is copied unchanged."""
    more = encode(number, b"x") + encode(number, 1)
    plan = read_changes(message(change("a.b")) + more)
    assert without(plan, {ChangeKey("a.b")}, {}) == message(b"") + more


def test_the_known_fields_are_those_of_the_schemas_that_were_read():
    """Of terraform 1.1 to 1.17 and OpenTofu 1.6 to 1.13 (planfile.proto); those of actions are refused separately."""
    assert set(range(1, 7)) | set(range(13, 23)) | set(range(25, 32)) == KNOWN


@given(
    st.integers(min_value=0, max_value=2**29 - 1).filter(lambda number: number not in KNOWN)
    | st.sampled_from([7, 12, 23, 24, 32, 500_000_000]),
    st.sampled_from([0, 1, b"", b"x"]),
)
def test_a_field_that_is_not_known_is_refused(number, value):
    """With any number and value: it might change something."""
    with pytest.raises(PlanError, match=rf"^the plan file has a field that tfretry does not know \({number}\)$"):
        read_changes(message(change("a.b")) + encode(number, value))


@pytest.mark.parametrize(("number", "words"), NOT_REPORTED.items())
@pytest.mark.parametrize("value", [b"", b"x", 0])
def test_actions_and_deferred_changes_are_refused(number, words, value):
    """Terraform reports neither."""
    with pytest.raises(PlanError, match=f"^the plan cannot be continued: {words}$"):
        read_changes(message(change("a.b")) + encode(number, value))


@pytest.mark.parametrize("deposed", ["", "00c0ffee"])
def test_two_changes_of_one_object_are_refused(deposed):
    """It is unknown which of them is done."""
    with pytest.raises(PlanError, match=r"^the plan file has two changes of one object$"):
        read_changes(message(change("a.b", deposed=deposed), change("c.d"), change("a.b", DELETE, deposed=deposed)))


def test_a_plan_of_a_terraform_before_1_1_is_refused():
    """It writes an address in other fields."""
    with pytest.raises(PlanError, match=r"^the plan file is of a terraform before 1\.1$"):
        read_changes(VERSION + encode(3, encode(2, b"a") + encode(3, b"b") + encode(9, encode(1, 1))))


@pytest.mark.parametrize(
    "damaged",
    [
        encode(3, 1),
        encode(3, b"\xff"),
        encode(3, encode(13, b"\xff")),
        encode(3, encode(13, b"a.b") + encode(7, b"\xff")),
        encode(3, encode(13, b"a.b") + encode(9, 1)),
        encode(3, encode(13, b"a.b") + encode(9, b"\x0a\x05x")),
        encode(3, b"x")[:-1],
        b"\x1b",
    ],
)
def test_a_damaged_field_is_reported(damaged):
    """A wrong kind of field, invalid text, or a truncated message: in the plan, in a change, and inside a change."""
    with pytest.raises(PlanError, match=r"^the plan file is damaged$"):
        read_changes(VERSION + damaged)


@given(st.binary(max_size=40), st.integers(0, 60), st.integers(0, 10))
def test_any_damage_is_reported_or_harmless(new, at, lost):
    """Nothing but PlanError is raised, and a plan that can be read is copied unchanged."""
    original = message(change("a.b"), change("c.d", CREATE_DELETE))
    content = original[:at] + new + original[at + lost :]
    try:
        plan = read_changes(content)
    except PlanError:
        return
    assert without(plan, (), {}) == content


@pytest.mark.parametrize(
    "inner", [b"", encode(1, CREATE_DELETE), encode(1, CREATE_DELETE) + encode(3, b"sensitive")], ids=len
)
def test_a_replacement_without_values_becomes_a_deletion_without_one(inner):
    """No value is invented; terraform does not accept such a deletion."""
    plan = read_changes(VERSION + encode(3, encode(13, b"a.b") + encode(9, inner)))
    left = read_changes(without(plan, (), {ChangeKey("a.b"): "d"})).changes[ChangeKey("a.b", "d")]
    (found,) = (part.value for part in fields(left.value) if part.number == 9)
    assert 2 not in numbers_of(found)


@given(st.data())
def test_exactly_the_done_changes_are_left_out(data):
    """All other bytes are unchanged and in their order."""
    keys = data.draw(
        st.lists(
            st.builds(ChangeKey, texts, st.sampled_from(["", "d"])),
            unique=True,
        )
    )
    done = data.draw(st.sets(st.sampled_from(keys)) if keys else st.just(set()))
    changes = {key: change(key.address, deposed=key.deposed, more=encode(10, b"private")) for key in keys}
    plan = read_changes(message(*changes.values()))
    assert without(plan, done, {}) == message(*(b"" if key in done else changes[key] for key in keys))


def test_a_replacement_whose_old_object_is_left_becomes_its_deletion():
    """As terraform plans the deletion of a deposed object: with the old value, and nothing of the new object."""
    sensitive = encode(3, encode(1, b"one")) + encode(3, encode(1, b"two"))
    inner = BEFORE + AFTER + sensitive + encode(4, b"after") + encode(5, b"importing") + encode(6, b"generated")
    more = encode(14, b"previous") + encode(10, b"private") + encode(11, b"paths") + encode(12, 2)
    plan = read_changes(message(change("c.d"), change("a.b", CREATE_DELETE, more=more, inner=inner), change("e.f")))
    left = without(plan, {ChangeKey("e.f")}, {ChangeKey("a.b"): "00c0ffee"})
    deletion = encode(8, b"provider") + encode(13, b"a.b") + encode(10, b"private") + encode(7, b"00c0ffee")
    deletion += encode(9, encode(1, DELETE) + BEFORE + sensitive)
    assert left == message(change("c.d"), encode(3, deletion), b"")
    read = read_changes(left)
    assert read.actions == {ChangeKey("c.d"): "create", ChangeKey("a.b", "00c0ffee"): "delete"}
    assert sorted(numbers_of(read.changes[ChangeKey("a.b", "00c0ffee")].value)) == [7, 8, 9, 10, 13]


def test_a_deletion_has_no_field_that_the_replacement_lacks():
    """Private and sensitive paths are left out where there are none."""
    plan = read_changes(message(change("a.b", CREATE_DELETE)))
    left = read_changes(without(plan, (), {ChangeKey("a.b"): "d"})).changes[ChangeKey("a.b", "d")]
    assert sorted(numbers_of(left.value)) == [7, 8, 9, 13]
    (inner,) = (part.value for part in fields(left.value) if part.number == 9)
    assert inner == encode(1, DELETE) + BEFORE


def test_the_rest_of_a_captured_plan_is_the_one_that_was_applied():
    """Byte for byte, with a field that terraform's plans do not have."""
    approved, rest = (read_archive((PLANS / f"{name}.tfplan").read_bytes())[PLAN] for name in ("approved", "rest"))
    plan = read_changes(approved)
    assert 6 in numbers_of(approved)
    assert without(plan, (), {}) == approved
    assert without(plan, {ChangeKey("slow_thing.cluster")}, {}) == rest

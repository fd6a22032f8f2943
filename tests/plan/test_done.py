from __future__ import annotations

import io
import itertools
import json
import tracemalloc
import zipfile
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfretry.output.progress import Progress, ReportedChange
from tfretry.plan.archive import PLAN, PREVIOUS_STATE, STATE, read_archive, write_archive
from tfretry.plan.changes import ACTION_NAMES, ChangeKey, read_changes, without
from tfretry.plan.done import Decision, Reports, decide, named, shortened
from tfretry.plan.plan_json import Entry, Number, ObjectKey, entries
from tfretry.plan.proof import check_rest
from tfretry.plan.protobuf import encode
from tfretry.plan.state import State, read_state
from tfretry.plan.verdict import RULES

OLD = {
    "attributes": {"id": "1"},
    "private": "a",
    "dependencies": ["a.x"],
    "provider": "p",
    "schema_version": Number("0"),
}
NEW = {**OLD, "attributes": {"id": "2"}}
REWRITTEN = {**OLD, "private": "b", "dependencies": ["a.x", "a.y"]}  # as terraform does when an operation fails
OBJECTS = {
    "absent": None,
    "old": OLD,
    "rewritten": REWRITTEN,
    "new": NEW,
    "old and tainted": {**OLD, "status": "tainted"},
    "new and tainted": {**NEW, "status": "tainted"},
}
NEW_DEPOSED = {
    "none": {},
    "the old": {"d9": OLD},
    "the old, rewritten": {"d9": REWRITTEN},
    "another": {"d9": NEW},
    "two": {"d8": OLD, "d9": OLD},
}
AS_BEFORE, THERE, KEPT_OLD = {"old", "rewritten"}, {"old", "rewritten", "new"}, {"the old", "the old, rewritten"}
B = ChangeKey("a.b")


def object_of(address):
    return ObjectKey("", "managed", *address.split(".", 1), None)


def state(objects):
    """Make a state of objects by address, or by address and deposed key."""
    found = {}
    for key, instance in objects.items():
        address, deposed = key if isinstance(key, tuple) else (key, "")
        if instance is not None:
            found[object_of(address), deposed] = instance
    return State(text=b"", lineage="l", serial=1, objects=found, rest={})


def reports(*, created=(), updated=(), deleted=(), destroy_provisioned=()):
    """Make the reports from addresses, each as often as it was reported."""
    made = {"create": created, "update": updated, "delete": deleted}
    finished = [
        ReportedChange(action=action, address=address) for action, addresses in made.items() for address in addresses
    ]
    return Reports.of([Progress(finished=finished, destroy_provisioned=set(destroy_provisioned))])


def planned(actions):
    """Make the changes of a plan from actions by key."""
    return {
        key: Entry(action=action, object=object_of(key.address), document={"address": key.address})
        for key, action in actions.items()
    }


def outcome(actions, *, was, now, data_deletions=(), **reported):
    """Decide; the states are objects by address."""
    return decide(
        planned(actions), data_deletions=data_deletions, before=state(was), now=state(now), reports=reports(**reported)
    )


def verdict(decision, key=B):
    """Return the decision on one change: `done`, `left`, `refused`, or the key of the deposed object that is left."""
    if key in decision.deposed:
        assert key in decision.left
        return decision.deposed[key]
    if key in decision.done or key in decision.left:
        assert decision.refusals == ()
        return "done" if key in decision.done else "left"
    assert any(each.startswith(f"{named(key)} ") for each in decision.refusals)
    return "refused"


# For each action: which reports are read, and in which cases the change is done, left, or left as the deletion of the
# deposed object d9. All other cases are refused.
TABLE = {
    "create": (
        ["created"],
        [
            ("done", {"now": THERE, "created": True}),
            ("left", {"now": {"absent"}, "created": False}),
        ],
    ),
    "delete, create": (
        ["created", "deleted", "destroy_provisioned"],
        [
            ("done", {"now": {"new"}, "created": True}),
            ("done", {"now": AS_BEFORE, "created": True, "deleted": True}),
            ("left", {"now": AS_BEFORE, "created": False, "deleted": False, "destroy_provisioned": False}),
            ("left", {"now": {"absent"}, "created": False, "deleted": True}),
        ],
    ),
    "create, delete": (
        ["created", "deleted", "destroy_provisioned", "deposed"],
        [
            ("done", {"now": {"new"}, "created": True, "deposed": {"none"}}),
            ("done", {"now": AS_BEFORE, "created": True, "deleted": True, "deposed": {"none"}}),
            (
                "left",
                {
                    "now": AS_BEFORE,
                    "created": False,
                    "deposed": {"none"},
                    "deleted": False,
                    "destroy_provisioned": False,
                },
            ),
            (
                "d9",
                {"now": THERE, "created": True, "deposed": KEPT_OLD, "deleted": False, "destroy_provisioned": False},
            ),
        ],
    ),
    "create, forget": (
        ["created", "deposed"],
        [
            ("done", {"now": {"new"}, "created": True, "deposed": {"none"}}),
            ("left", {"now": AS_BEFORE, "created": False, "deposed": {"none"}}),
        ],
    ),
    "forget, create": (
        ["created"],
        [
            ("done", {"now": THERE, "created": True}),
            ("left", {"now": {"absent", *AS_BEFORE}, "created": False}),
        ],
    ),
    "update": (
        ["updated"],
        [
            ("done", {"now": THERE, "updated": True}),
            ("left", {"now": AS_BEFORE, "updated": False}),
        ],
    ),
    "delete": (
        ["deleted", "destroy_provisioned"],
        [
            ("done", {"now": {"absent"}, "deleted": True}),
            ("left", {"now": AS_BEFORE, "deleted": False, "destroy_provisioned": False}),
        ],
    ),
    "forget": ([], [("done", {"now": {"absent"}}), ("left", {"now": AS_BEFORE})]),
    "no-op": ([], [("neither", {"now": {"old"}})]),
}


def holds(condition, case):
    """Return whether a row of the table applies to a case; a name that the row does not have is not compared."""
    return all(
        case[name] in value if isinstance(value, set) else case[name] is value for name, value in condition.items()
    )


def cases():
    """Yield each action with each state of its object and each combination of reports."""
    for action, (looked_at, rows) in TABLE.items():
        domains = {"now": OBJECTS, **dict.fromkeys(looked_at, (False, True))}
        if "deposed" in looked_at:
            domains["deposed"] = NEW_DEPOSED
        for values in itertools.product(*domains.values()):
            case = dict(zip(domains, values, strict=True))
            expected = next((word for word, condition in rows if holds(condition, case)), "refused")
            shown = " ".join(
                str(name if value is True else value) for name, value in case.items() if value is not False
            )
            yield pytest.param(action, case, expected, id=f"{action}-{shown}-{expected}")


@pytest.mark.parametrize(("action", "case", "expected"), [*cases()])
def test_the_state_and_the_reports_decide_what_is_done(action, case, expected):
    """The table: the action, the object in the state, terraform's reports, and the decision."""
    now = {"a.b": OBJECTS[case["now"]]}
    now |= {("a.b", key): instance for key, instance in NEW_DEPOSED[case.get("deposed", "none")].items()}
    names = ("created", "updated", "deleted", "destroy_provisioned")
    reported = {name: ["a.b"] for name in names if case.get(name)}
    decision = outcome({B: action}, was={} if action == "create" else {"a.b": OLD}, now=now, **reported)
    if expected == "neither":
        assert (decision.done, decision.left, decision.refusals) == (set(), set(), ())
    else:
        assert verdict(decision) == expected


def test_the_table_has_every_action():
    """Each action of a plan file, and there is a rule for each."""
    assert {*TABLE, "read"} == {*ACTION_NAMES.values()} == {*RULES, "no-op"}


@pytest.mark.parametrize(
    ("action", "now", "reported", "words"),
    [
        ("create", None, "created", "was reported as complete, and is not in the state"),
        ("create", NEW, "", "was created, and terraform did not report this change as complete"),
        (
            "create",
            OBJECTS["new and tainted"],
            "",
            "is tainted: it was created, and a later step of its creation failed",
        ),
        (
            "create",
            OBJECTS["new and tainted"],
            "created",
            "is tainted: it was created, and a later step of its creation failed",
        ),
        ("delete, create", OLD, "created", "was reported as replaced, and is the old object"),
        ("delete, create", None, "created deleted", "was reported as complete, and is not in the state"),
        ("delete, create", None, "", "is gone, and terraform did not report that it destroyed it"),
        ("delete, create", NEW, "", "has changed, and terraform did not report this change as complete"),
        ("delete, create", OLD, "deleted", "was reported as destroyed, and is still in the state"),
        ("delete, create", OLD, "destroy_provisioned", "would run its destroy-time provisioner again"),
        ("create, delete", None, "created", "was reported as complete, and is not in the state"),
        ("create, delete", NEW, "", "has changed, and terraform did not report this change as complete"),
        ("update", NEW, "", "has changed, and terraform did not report this change as complete"),
        (
            "update",
            OBJECTS["new and tainted"],
            "updated",
            "is tainted: it was created, and a later step of its creation failed",
        ),
        ("update", None, "updated", "was reported as complete, and is not in the state"),
        ("update", None, "", "is gone, and terraform did not report that it destroyed it"),
        ("delete", None, "", "is gone, and terraform did not report that it destroyed it"),
        ("delete", OLD, "deleted", "was reported as destroyed, and is still in the state"),
        ("delete", OLD, "deleted destroy_provisioned", "was reported as destroyed, and is still in the state"),
        ("delete", OLD, "destroy_provisioned", "would run its destroy-time provisioner again"),
        ("delete", NEW, "", "has changed, and terraform did not report this change as complete"),
        ("forget", NEW, "", "has changed, and terraform did not report this change as complete"),
        (
            "forget",
            OBJECTS["old and tainted"],
            "",
            "is tainted: it was created, and a later step of its creation failed",
        ),
    ],
)
def test_a_refusal_says_why(action, now, reported, words):
    """One sentence, with the address and no value."""
    was = {} if action == "create" else {"a.b": OLD}
    decision = outcome({B: action}, was=was, now={"a.b": now}, **{name: ["a.b"] for name in reported.split()})
    assert decision.refusals == (f"a.b {words}",)
    assert (decision.done, decision.left, decision.deposed) == (set(), set(), {})


@pytest.mark.parametrize(
    ("deposed", "reported"),
    [
        ({"d9": NEW}, "created"),
        ({"d8": OLD, "d9": OLD}, "created"),
        ({"d9": OLD}, "created deleted"),
    ],
)
def test_a_replacement_with_another_remainder_than_its_old_object_is_refused(deposed, reported):
    """There must be one new deposed object, which equals the old one and is not reported as deleted."""
    now = {"a.b": NEW, **{("a.b", key): instance for key, instance in deposed.items()}}
    decision = outcome({B: "create, delete"}, was={"a.b": OLD}, now=now, **{name: ["a.b"] for name in reported.split()})
    assert decision.refusals == ("a.b was replaced, and the rest of the old object is not what was approved",)


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (None, None, "left"),
        (None, OLD, "done"),
        (OLD, OLD, "left"),
        (OLD, None, "left"),
        (OLD, NEW, "done"),
        (OLD, REWRITTEN, "done"),
    ],
)
def test_a_data_source_that_was_read_in_the_apply_is_not_read_again(was, now, expected):
    """It is new in the state, and other objects were created with its value."""
    assert verdict(outcome({B: "read"}, was={"a.b": was}, now={"a.b": now})) == expected


@pytest.mark.parametrize("action", ["delete, create", "create, delete", "update", "delete", "forget", "forget, create"])
@pytest.mark.parametrize("now", ["old and tainted", "new and tainted"])
def test_an_object_that_was_tainted_before_is_left_only_as_it_was(action, now):
    """The change may have been planned because it is tainted."""
    decision = outcome({B: action}, was={"a.b": OBJECTS["old and tainted"]}, now={"a.b": OBJECTS[now]})
    assert verdict(decision) == ("left" if now == "old and tainted" else "refused")


@pytest.mark.parametrize("action", ["delete, create", "create, delete"])
def test_a_tainted_object_that_was_replaced_is_done(action):
    """By an object with other or equal attributes that is not tainted."""
    for new in (OLD, NEW):
        decision = outcome({B: action}, was={"a.b": OBJECTS["old and tainted"]}, now={"a.b": new}, created=["a.b"])
        assert verdict(decision) == "done"


def test_a_tainted_object_that_is_deposed_is_left_to_delete():
    """It equals the old one, which was tainted too."""
    was = OBJECTS["old and tainted"]
    decision = outcome({B: "create, delete"}, was={"a.b": was}, now={"a.b": NEW, ("a.b", "d9"): was}, created=["a.b"])
    assert verdict(decision) == "d9"


def test_an_older_deposed_object_is_not_taken_for_a_new_one():
    """The replacement is done, and the older object belongs to no change."""
    was, now = {"a.b": OLD, ("a.b", "d1"): OLD}, {"a.b": NEW, ("a.b", "d1"): OLD}
    assert verdict(outcome({B: "create, delete"}, was=was, now=now, created=["a.b"], deleted=["a.b"])) == "done"


@pytest.mark.parametrize("action", sorted(TABLE.keys() - {"create, delete", "create, forget"}))
def test_a_new_deposed_object_of_another_change_is_refused(action):
    """Only a replacement that creates first leaves one."""
    was, now = {"a.b": OLD}, {"a.b": OLD, ("a.b", "d9"): OLD}
    refusals = outcome({B: action}, was={} if action == "create" else was, now=now, updated=["a.b"]).refusals
    assert (
        "a.b (deposed object d9) was added or removed since the approval, and the plan does not change it" in refusals
    )


DELETIONS = [B, ChangeKey("a.b", "d1"), ChangeKey("a.b", "d2")]


@pytest.mark.parametrize("reported", range(4))
@pytest.mark.parametrize("gone", [each for n in range(4) for each in itertools.combinations(DELETIONS, n)])
def test_several_deletions_at_one_address_need_as_many_reports(gone, reported):
    """Terraform does not always report which deposed object it deleted, so the reports are counted."""
    was = dict.fromkeys(DELETIONS, OLD)
    now = {key: OLD for key in DELETIONS if key not in gone}
    decision = outcome(dict.fromkeys(DELETIONS, "delete"), was=was, now=now, deleted=["a.b"] * reported)
    done, left = {*gone}, {*now}
    if reported < len(gone):
        done = set()
    if reported > len(gone):
        left = set()
    assert (decision.done, decision.left) == (done, left)
    assert len(decision.refusals) == len(DELETIONS) - len(done) - len(left)


D1 = ChangeKey("a.b", "d1")


@pytest.mark.parametrize(
    ("action", "current", "deposed", "deleted", "expected"),
    [
        ("delete, create", OLD, {"d1": OLD}, 0, {B: "left", D1: "left"}),
        ("delete, create", None, {"d1": OLD}, 1, {B: "left", D1: "left"}),
        ("delete, create", OLD, {}, 1, {B: "left", D1: "done"}),
        ("delete, create", NEW, {"d1": OLD}, 1, {B: "done", D1: "left"}),
        ("delete, create", OLD, {"d1": OLD}, 1, {B: "done", D1: "left"}),
        ("delete, create", OLD, {}, 2, {B: "done", D1: "done"}),
        ("delete, create", OLD, {}, 1, {B: "refused", D1: "refused"}),
        ("delete, create", NEW, {"d1": OLD}, 2, {B: "done", D1: "refused"}),
        ("create, delete", OLD, {"d1": OLD}, 0, {B: "left", D1: "left"}),
        ("create, delete", OLD, {}, 1, {B: "left", D1: "done"}),
        ("create, delete", NEW, {"d1": OLD, "d9": OLD}, 0, {B: "d9", D1: "left"}),
        ("create, delete", NEW, {"d9": OLD}, 1, {B: "d9", D1: "done"}),
        ("create, delete", NEW, {"d1": OLD}, 1, {B: "done", D1: "left"}),
        ("create, delete", NEW, {}, 2, {B: "done", D1: "done"}),
        ("create, delete", NEW, {}, 1, {B: "done", D1: "refused"}),
        ("create, delete", NEW, {"d9": OLD}, 2, {B: "refused", D1: "done"}),
        ("create, delete", NEW, {"d1": OLD}, 2, {B: "done", D1: "refused"}),
        ("update", NEW, {"d1": OLD}, 0, {B: "done", D1: "left"}),
        ("update", NEW, {}, 1, {B: "done", D1: "done"}),
        ("update", NEW, {}, 0, {B: "done", D1: "refused"}),
    ],
)
def test_a_deposed_object_is_deleted_beside_another_change_of_its_address(action, current, deposed, deleted, expected):
    """Reports of deletions are assigned to the objects that are gone."""
    was = {"a.b": OLD, ("a.b", "d1"): OLD}
    now = {"a.b": current, **{("a.b", key): instance for key, instance in deposed.items()}}
    is_made = expected[B] in ("done", "d9", "refused")
    reported = {"created": ["a.b"], "updated": ["a.b"]} if is_made else {}
    decision = outcome({B: action, D1: "delete"}, was=was, now=now, deleted=["a.b"] * deleted, **reported)
    found = {
        key: decision.deposed.get(key)
        or ("done" if key in decision.done else "left" if key in decision.left else "refused")
        for key in expected
    }
    assert found == expected
    assert len(decision.refusals) == [*expected.values()].count("refused")


@pytest.mark.parametrize(("reported", "expected"), [(1, "done"), (0, "refused")])
def test_a_deposed_object_is_deleted_beside_a_creation_of_its_address(reported, expected):
    """Its instance had no current object."""
    was, now = {("a.b", "d1"): OLD}, {"a.b": NEW}
    decision = outcome({B: "create", D1: "delete"}, was=was, now=now, created=["a.b"], deleted=["a.b"] * reported)
    assert B in decision.done
    assert (D1 in decision.done) is (expected == "done")


@pytest.mark.parametrize(
    "more",
    [
        {"private": "b"},
        {"dependencies": []},
        {"attributes": {}},
        {"status": "tainted"},
        {"schema_version": Number("1")},
    ],
)
@pytest.mark.parametrize("actions", [{}, {B: "no-op"}])
def test_an_object_without_a_change_must_be_as_before(actions, more):
    """Any difference means that another run has changed it."""
    refusals = ("a.b has changed since the approval, and the plan does not change it",)
    assert outcome(actions, was={"a.b": OLD}, now={"a.b": {**OLD, **more}}).refusals == refusals
    assert outcome(actions, was={"a.b": {**OLD, **more}}, now={"a.b": OLD}).refusals == refusals
    assert outcome(actions, was={"a.b": OLD}, now={"a.b": OLD}).refusals == ()


@pytest.mark.parametrize("actions", [{}, {B: "no-op"}, {B: "update"}])
def test_an_object_whose_lists_have_another_order_is_as_before(actions):
    """Terraform writes dependencies and sensitive attributes in random order."""

    def pulled(order):
        instance = {
            "attributes": {},
            "dependencies": ["a.x", "a.y"][::order],
            "sensitive_attributes": ["s", "t"][::order],
        }
        resource = {"mode": "managed", "type": "a", "name": "b", "provider": "p", "instances": [instance]}
        return read_state(json.dumps({"version": 4, "serial": 1, "lineage": "l", "resources": [resource]}).encode())

    decision = decide(planned(actions), data_deletions=(), before=pulled(1), now=pulled(-1), reports=reports())
    assert decision.refusals == ()
    assert decision.left == {key for key, action in actions.items() if action == "update"}


@pytest.mark.parametrize("key", ["a.b", ("a.b", "d1")])
def test_an_object_without_a_change_is_neither_added_nor_removed(key):
    """The current one or a deposed one."""
    name = "a.b" if key == "a.b" else "a.b (deposed object d1)"
    refusals = (f"{name} was added or removed since the approval, and the plan does not change it",)
    assert outcome({}, was={}, now={key: OLD}).refusals == refusals
    assert outcome({}, was={key: OLD}, now={}).refusals == refusals
    assert outcome({ChangeKey("a.c"): "create"}, was={}, now={key: OLD}).refusals == refusals


@pytest.mark.parametrize(
    ("key", "address"),
    [
        (ObjectKey("", "managed", "a", "b", None), "a.b"),
        (ObjectKey("", "managed", "a", "b", Number("0")), "a.b[0]"),
        (ObjectKey("", "managed", "a", "b", "0"), 'a.b["0"]'),
        (ObjectKey("", "data", "a", "b", None), "data.a.b"),
        (ObjectKey('module.m["k"].module.n', "managed", "a-b", "c", "é"), 'module.m["k"].module.n.a-b.c["é"]'),
        (ObjectKey("module.m", "data", "a", "b", Number("7")), "module.m.data.a.b[7]"),
    ],
)
def test_an_object_without_a_change_is_named_as_by_terraform(key, address):
    """Although its address is in no plan."""
    now = State(text=b"", lineage="l", serial=1, objects={(key, ""): OLD}, rest={})
    (refusal,) = decide({}, data_deletions=(), before=state({}), now=now, reports=reports()).refusals
    assert refusal.startswith(f"{address} was added or removed")


def test_refusals_have_the_same_order_each_time():
    """Of many, only the first are shown."""
    names = [f"a.n{n:02}" for n in range(30)]
    found = outcome({}, was={}, now=dict.fromkeys(reversed(names), OLD)).refusals
    assert [each.split()[0] for each in found] == names


@pytest.mark.parametrize(("count", "shown"), [(0, 0), (1, 1), (9, 9), (10, 10), (11, 11), (20_000, 11)])
def test_of_many_texts_the_first_ten_are_shown_and_the_others_counted(count, shown):
    """A refusal is shortened, however large the plan."""
    texts = [f"a.n{n}" for n in range(count)]
    found = shortened(texts, "and {} more")
    assert found[:10] == texts[:10]
    assert len(found) == shown
    assert found[10:] == ([f"and {count - 10} more"] if count > 10 else [])


@pytest.mark.parametrize("now", [OLD, NEW, None])
def test_a_data_source_that_the_plan_removes_from_the_state_is_not_compared(now):
    """`show` does not list its removal; any other data source must be as before."""
    key = object_of("a.b")
    assert outcome({}, was={"a.b": OLD}, now={"a.b": now}, data_deletions=[key]).refusals == ()
    assert len(outcome({}, was={"a.b": OLD}, now={"a.b": now}, data_deletions=[object_of("a.c")]).refusals) == (
        now is not OLD
    )


def test_each_key_of_an_address_is_decided_for_itself():
    """`a.b[0]` and `a.b["0"]` are two objects of two changes."""
    number, text = (ObjectKey("", "managed", "a", "b", index) for index in (Number("0"), "0"))
    changes = {
        ChangeKey("a.b[0]"): Entry(action="create", object=number, document={}),
        ChangeKey('a.b["0"]'): Entry(action="create", object=text, document={}),
    }
    now = State(text=b"", lineage="l", serial=2, objects={(text, ""): NEW}, rest={})
    decision = decide(changes, data_deletions=(), before=state({}), now=now, reports=reports(created=['a.b["0"]']))
    assert (decision.done, decision.left) == ({ChangeKey('a.b["0"]')}, {ChangeKey("a.b[0]")})
    assert decision.refusals == ()


def test_reports_are_summed_up_by_address():
    """Of all attempts; deletions are counted."""
    first = [("create", "a.a"), ("update", "a.b"), ("delete", "a.c")]
    second = [("delete", "a.c"), ("delete", "a.a"), ("read", "a.d")]
    found = Reports.of(
        [
            Progress(
                finished=[ReportedChange(action=action, address=name) for action, name in made], destroy_provisioned=at
            )
            for made, at in ((first, {"a.e"}), (second, set()))
        ]
    )
    assert (found.created, found.updated, found.destroy_provisioned) == ({"a.a"}, {"a.b"}, {"a.e"})
    assert found.deleted == {"a.a": 1, "a.c": 2}


# How far an attempt may have come with each action: its reports, the current object, and the decision.
STAGES = {
    "create": [("", None, "left"), ("created", NEW, "done")],
    "delete, create": [
        ("", REWRITTEN, "left"),
        ("deleted", None, "left"),
        ("created deleted", NEW, "done"),
        ("created deleted", OLD, "done"),
    ],
    "create, delete": [
        ("", REWRITTEN, "left"),
        ("created", NEW, "d9"),
        ("created", OLD, "d9"),
        ("created deleted", NEW, "done"),
        ("created deleted", OLD, "done"),
    ],
    "create, forget": [("", REWRITTEN, "left"), ("created", NEW, "done")],
    "forget, create": [("", REWRITTEN, "left"), ("", None, "left"), ("created", NEW, "done")],
    "update": [("", REWRITTEN, "left"), ("updated", NEW, "done"), ("updated", OLD, "done")],
    "delete": [("", REWRITTEN, "left"), ("deleted", None, "done")],
    "forget": [("", REWRITTEN, "left"), ("", None, "done")],
    "read": [("", None, "left"), ("", NEW, "done")],
    "no-op": [("", OLD, "neither")],
    "": [("", OLD, "neither")],  # no change at all
}
steps = st.sampled_from([(action, *step) for action, ways in STAGES.items() for step in ways])
runs = st.lists(st.tuples(steps, st.sampled_from(["", "left", "done"])), min_size=1, max_size=8)


def run_of(drawn):
    """Return an attempt that did exactly what it reports, on `a.n0`, `a.n1`, …, some with a deposed object, too."""
    run = SimpleNamespace(actions={}, was={}, now={}, steps={}, reported={"created": [], "updated": [], "deleted": []})
    for n, (step, deposed) in enumerate(drawn):
        add(run, ChangeKey(f"a.n{n}"), *step)
        if deposed and step[0]:
            add(run, ChangeKey(f"a.n{n}", "d1"), "delete", *STAGES["delete"][deposed == "done"])
    return run


def add(run, key, action, reported, now, expected):
    """Add to a run the change *key*, and how far it came."""
    run.was[key] = None if action in ("create", "read") else OLD
    run.now[key] = now
    if expected == "d9":
        run.now[key.address, "d9"] = OLD
    for name in reported.split():
        run.reported[name].append(key.address)
    run.steps[key] = (action, expected)
    if action:
        run.actions[key] = action


def decided(run):
    return outcome(run.actions, was=run.was, now=run.now, **run.reported)


@given(runs)
def test_reported_changes_are_done_and_all_others_are_left(drawn):
    """For any plan and any progress of the attempt; nothing is refused."""
    run = run_of(drawn)
    decision = decided(run)
    words = {key: word for key, (_, word) in run.steps.items()}
    assert decision.refusals == ()
    assert decision.done == {key for key, word in words.items() if word == "done"}
    assert decision.left == {key for key, word in words.items() if word in ("left", "d9")}
    assert decision.deposed == {key: word for key, word in words.items() if word == "d9"}


OTHER = {**OLD, "attributes": {"id": "3"}}


def interferences(run):
    """Yield changes by another run that must be noticed: the key of an object, and its new content."""
    yield ChangeKey("a.foreign"), OTHER
    yield ChangeKey("a.n0", "d7"), OTHER
    for key, (action, word) in run.steps.items():
        now = run.now[key]
        if action == "read":
            continue  # there is no report of a data source
        if now is None:
            yield key, OTHER
            continue
        if word == "neither":
            yield from [(key, None), (key, OTHER), (key, REWRITTEN)]
        if word == "left":
            yield key, OTHER
        yield key, {**now, "status": "tainted"}
        if action not in ("forget", "forget, create") or word == "done":
            yield key, None
        if word == "d9":
            yield ChangeKey(key.address, "d9"), OTHER


@settings(max_examples=200)
@given(runs, st.data())
def test_a_change_by_another_run_is_refused(drawn, data):
    """It adds, removes or changes one object besides those of the attempt."""
    run = run_of(drawn)
    key, run.now[key] = data.draw(st.sampled_from([*interferences(run)]))
    assert decided(run).refusals != ()


def shown(action, address, deposed=""):
    """Write a change as `show -json` does."""
    change = {"actions": action.split(", "), "before": {"id": "1"}, "before_sensitive": False}
    if deposed:
        change |= {"after": None, "after_unknown": {}, "after_sensitive": False}
    more = {"deposed": deposed} if deposed else {}
    return {"address": address, "mode": "managed", "type": "a", "name": address, **more, "change": change}


def archive_of(message):
    """Write a plan file of a message."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in ((PLAN, message), (STATE, b"{}"), (PREVIOUS_STATE, b"{}")):
            archive.writestr(name, content)
    return file.getvalue()


def peak_memory(count):
    """Decide on *count* changes of every kind and progress, write and check the rest; return the peak of memory."""
    ways = [(action, *step) for action, ways in STAGES.items() if action for step in ways]
    run = run_of([(ways[n % len(ways)], "") for n in range(count)])
    numbers = {name: number for number, name in ACTION_NAMES.items()}
    values = encode(2, b"before") + encode(2, b"after")
    content = archive_of(
        encode(1, 3)
        + b"".join(
            encode(3, encode(13, key.address.encode()) + encode(9, encode(1, numbers[action]) + values))
            for key, action in run.actions.items()
        )
    )
    left = {key: "delete" if w == "d9" else action for key, (action, w) in run.steps.items() if w != "done"}
    approved = {"resource_changes": [shown(action, key.address) for key, action in run.actions.items()]}
    rest = [shown(action, key.address, "d9" if run.steps[key][1] == "d9" else "") for key, action in left.items()]
    tracemalloc.start()
    try:
        archive = read_archive(content)
        decision = decided(run)
        plan = without(read_changes(archive[PLAN]), decision.done, decision.deposed)
        write_archive(archive, plan=plan, state=b"{}", to=io.BytesIO())
        check_rest(approved, {"resource_changes": rest}, decision)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read_changes(plan).actions == {
        key: entry.action for key, entry in entries({"resource_changes": rest}).items()
    }
    return peak


@pytest.mark.slow
def test_memory_grows_in_proportion_to_the_changes():
    """Twenty thousand changes of every kind and progress."""
    assert peak_memory(20_000) < 12 * peak_memory(2_000)


BROKEN = "x\na.b: Creation complete after 0s [id=y]"


@pytest.mark.parametrize(
    "attributes", [{"id": BROKEN}, {"name": BROKEN}, {"tags": {"Name": BROKEN}}, {"tags": {"name": BROKEN}}], ids=str
)
@pytest.mark.parametrize("states", ["before", "now"])
def test_a_name_with_a_line_break_is_refused_where_reports_are_text(attributes, states):
    """Terraform prints it unescaped, and the text after the break may look like a report."""
    named_so, other = state({"a.k": {"attributes": attributes}}), state({"a.k": {"attributes": {"id": "y"}}})
    found = {"before": other, "now": other, states: named_so}
    for are_text, refusals in ((True, 1), (False, 0)):
        none = Reports.of([Progress(is_text=are_text)])
        decision = decide(planned({ChangeKey("a.k"): "read"}), data_deletions=[], reports=none, **found)
        assert len(decision.refusals) == refusals
        assert all("a.k has a line break in its id or name" in each for each in decision.refusals)


@pytest.mark.parametrize("attributes", [{"tags": {"Description": BROKEN}}, {"text": BROKEN}, {"id": "x"}, {}], ids=str)
def test_other_line_breaks_do_not_matter(attributes):
    """Terraform prints neither those nor anything of an object that it does not change."""
    none = Reports.of([Progress(is_text=True)])
    alone = state({"a.k": {"attributes": attributes}, "a.z": {"attributes": {"id": BROKEN}}})
    assert decide(
        planned({ChangeKey("a.k"): "read"}), data_deletions=[], before=alone, now=alone, reports=none
    ) == Decision(done=frozenset(), left=frozenset({ChangeKey("a.k")}), deposed={}, refusals=())


def test_an_import_id_with_a_line_break_is_refused_where_reports_are_text():
    """Terraform prints it before there is an object with that id."""
    imported = {B: Entry(action="no-op", object=object_of("a.b"), document={}, import_id=BROKEN)}
    states = {"before": state({"a.b": OLD}), "now": state({"a.b": OLD})}
    for are_text, refusals in ((True, 1), (False, 0)):
        none = Reports.of([Progress(is_text=are_text)])
        assert len(decide(imported, data_deletions=[], reports=none, **states).refusals) == refusals

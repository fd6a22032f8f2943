from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfretry.approval.planned import ABSENT, Planned, difference, rendered, unrefined
from tfretry.savedplan.documents import DEEPEST, Number

ONE, TWO = Number("1"), Number("2")


def place(approved, unknown, new, still=False):  # noqa: FBT002 - mirrors after and after_unknown
    return unrefined(Planned(value=approved, unknown=unknown), Planned(value=new, unknown=still))


@pytest.mark.parametrize(
    ("approved", "unknown", "new", "still"),
    [
        (ABSENT, True, "x", False),
        (ABSENT, True, ABSENT, True),
        (ABSENT, True, None, False),
        ({"a": ONE}, {"b": True}, {"a": ONE, "b": "x"}, {}),
        ({"a": ONE}, {"b": True}, {"a": ONE}, {"b": True}),
        ({"a": {}}, {"a": {"b": True}}, {"a": {"b": []}}, {}),
        ([None, ONE], [True, False], ["x", ONE], False),
        ([None, ONE], [True, False], [ONE, "x"], [False, False]),
        ([ONE, TWO, None], [False, False, True], [ONE, None, TWO], [False, True, False]),
        ([{"k": ONE}, {"k": TWO}], [{"v": True}, {"v": True}], [{"k": TWO, "v": "x"}, {"k": ONE, "v": "y"}], {}),
        # Greed would give the first element, which could be either, the only one that the second could be.
        ([None, {"k": ONE}], [True, {"v": True}], [{"k": ONE, "v": "x"}, "y"], {}),
        (
            [{"k": ONE}, None, {"k": TWO}],
            [{"v": True}, True, {"v": True}],
            [{"k": ONE, "v": "x"}, {"k": TWO, "v": "y"}, "z"],
            {},
        ),
        ([], [], [], False),
        (None, False, None, {}),
        ({"a": ONE}, {"b": False, "c": True}, {"a": ONE, "c": "x"}, {}),
        # As many as are matched in another order; in the same one, more.
        ([{"k": n} for n in map(Number, range(200))], [{"v": True}] * 200,
         [{"k": n, "v": ""} for n in map(Number, reversed(range(200)))], {}),
        ([None] * 201, [True] * 201, ["x"] * 201, {}),
    ],
)  # fmt: skip
def test_the_unknown_may_become_anything(approved, unknown, new, still):
    """Known now, still unknown, or null; in a set it may change its place."""
    assert place(approved, unknown, new, still) is None


@pytest.mark.parametrize(
    ("approved", "unknown", "new", "still", "path"),
    [
        (ONE, False, TWO, False, ()),
        (ONE, False, ABSENT, True, ()),
        (None, False, ABSENT, False, ()),
        (ABSENT, False, None, False, ()),
        ({}, {}, [], {}, ()),
        ({"a": ONE}, {}, {"a": None}, {}, ("a",)),
        ({"a": ONE}, {}, {}, {}, ("a",)),
        ({"a": ONE}, {}, {}, {"a": True}, ("a",)),
        ({"a": None}, {}, {}, {}, ("a",)),
        ({}, {}, {"a": None}, {}, ("a",)),
        ({}, {}, {}, {"a": True}, ("a",)),
        ({}, {"a": True}, {}, {}, ("a",)),
        ({"a": {}}, {}, {"a": {"b": ONE}}, {}, ("a", "b")),
        ({"a": {"b": ONE}}, {}, {"a": {}}, {}, ("a", "b")),
        ([{"a": ONE}], [{"b": True}], [{"a": TWO, "b": ONE}], {}, (0, "a")),
        ({"a": {"b": ONE}}, {"a": {"c": True}}, {"a": {"b": TWO, "c": ONE}}, {}, ("a", "b")),
        ([ONE], [False], [ONE, TWO], {}, ()),
        ([None], [True], [], {}, ()),
        ([ONE, TWO], [], [TWO, ONE], [], (0,)),
        ([ONE, TWO], [], [ONE, None], [False, True], (1,)),
        # Known elements of a set never change places among themselves.
        ([ONE, TWO, None], [False, False, True], [TWO, ONE, None], {}, ()),
        ([ONE, None], [False, True], [TWO, TWO], {}, ()),
        ([{"k": ONE}, {"k": TWO}], [{"v": True}, {"v": True}], [{"k": ONE, "v": "x"}, {"k": ONE, "v": "y"}], {}, ()),
        # Two that could both be the first leave none for the second.
        ([{"k": ONE}, {"k": ONE}], [{"v": True}, {"v": True}], [{"k": ONE, "v": "x"}, {"k": TWO, "v": "y"}], {}, ()),
        ([None] * 201, [*[{}], *[True] * 200], [*["x"] * 201], {}, ()),
        ([{"k": n} for n in map(Number, range(201))], [{"v": True}] * 201,
         [{"k": n, "v": ""} for n in map(Number, reversed(range(201)))], {}, ()),
    ],
)  # fmt: skip
def test_the_known_stays_known_and_equal(approved, unknown, new, still, path):
    """The first place that is otherwise is told; in a set, the set."""
    assert place(approved, unknown, new, still) == path


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        (ABSENT, True),
        (None, True),
        ({"a": ONE}, {}),
        ({"a": ONE}, {"b": True, "a": False}),
        ([None, {}], [True, {"x": True}]),
        ([ONE], [False]),
        (None, {}),
        ("x", False),
    ],
)
def test_marks_that_fit_their_value_are_understood(value, unknown):
    """As terraform writes them."""
    assert Planned(value=value, unknown=unknown).understood


@pytest.mark.parametrize(
    ("value", "unknown"),
    [
        ("x", True),
        ({"a": "x"}, {"a": True}),
        ({"a": "x"}, {"a": True, "b": True}),
        ("x", {"a": True}),
        (ABSENT, {"a": True}),
        ({"0": None}, [True]),
        ([None], [True, False]),
        ([None], {"0": True}),
        ({"a": "x"}, {"a": "true"}),
        ({"a": "x"}, {"a": ONE}),
        ({}, {"a": True, "b": None}),
        (ONE, None),
    ],
)
def test_marks_that_do_not_fit_are_not_understood(value, unknown):
    """A value that is known and unknown, another shape, or something that is no mark."""
    assert not Planned(value=value, unknown=unknown).understood


VALUES = st.recursive(
    st.none() | st.booleans() | st.text(max_size=2) | st.integers(0, 3).map(lambda n: Number(str(n))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_difference_finds_a_place_exactly_where_values_are_unequal(one, other):
    """Known values: refining is equality."""
    assert (difference(one, other) is None) == (one == other)
    assert difference(one, one) is None


@given(st.lists(st.sampled_from([ONE, TWO, None]), max_size=4), st.lists(st.sampled_from([ONE, TWO]), max_size=4))
def test_lists_are_reordered_only_as_sets_are(approved, new):
    """Against a search of all orders: known elements keep theirs, the unknown ones are anywhere (None: unknown)."""
    marks = [each is None for each in approved]
    expected = len(approved) == len(new) and any(
        all(a in (None, b) for a, b in zip(order, new, strict=True))
        for order in set(itertools.permutations(approved))
        if [each for each in order if each] == [each for each in approved if each]
    )
    assert (place(approved, marks, new) is None) == expected


@pytest.mark.parametrize("beside", [[], [ONE], [ONE, TWO]])
@pytest.mark.parametrize("other", [TWO, ONE])
def test_what_does_not_fit_is_judged_in_time_that_grows_with_its_depth(beside, other):
    """Sets in sets in sets: were an element judged twice at each level, this would take for ever."""
    approved, unknown, new = {"k": ONE}, {"v": True}, {"k": other, "v": "x"}
    for _ in range(DEEPEST):
        approved, unknown, new = [approved, *beside], [unknown, *([False] * len(beside))], [*beside, new]
    assert (place(approved, unknown, new) is None) == (other == ONE)


@pytest.mark.parametrize("other", [TWO, ONE])
def test_objects_are_judged_in_time_that_grows_with_their_depth(other):
    """A member that holds something unknown is one member, not two."""
    approved, unknown, new = {"k": ONE}, {"v": True}, {"k": other, "v": "x"}
    for _ in range(DEEPEST):
        approved, unknown, new = {"a": approved}, {"a": unknown}, {"a": new}
    assert Planned(value=approved, unknown=unknown).understood
    assert (place(approved, unknown, new) is None) == (other == ONE)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), None),
        (("a", "b", 0, "c-d"), "a.b[0].c-d"),
        (("tags", "a b"), 'tags["a b"]'),
        (("tags", "1"), 'tags["1"]'),
        (("tags", "a\nb\x1b"), 'tags["a\\nb\\u001b"]'),
        (("", "a"), '[""].a'),
    ],
)
def test_a_path_is_written_as_terraform_writes_it(path, text):
    """Keys that are no identifiers are quoted, so that none can write to a terminal or a log."""
    assert rendered(path, []) == text


@pytest.mark.parametrize("marks", [[True], {"a": [True]}, {"a": {"b": [False]}}, False, None])
def test_marks_of_another_shape_hide_nothing_and_break_nothing(marks):
    """The marks of the one plan need not fit the value of the other."""
    assert rendered(("a", "b", 3), [marks]) == "a.b[3]"

from __future__ import annotations

import pytest

from tfretry.approval.changes import IDLE
from tfretry.approval.check import refusals
from tfretry.output.progress import Completion


def change(address="a.b", actions=("create",), before=None, after=None, unknown=None, **more):
    """One entry of `resource_changes`; what is not a member of terraform's entries goes into its `change`."""
    entry = {"action_reason", "deposed", "mode", "previous_address", "provider_name", "index", "type"}
    return {
        "address": address,
        "mode": "managed",
        **{key: value for key, value in more.items() if key in entry},
        "change": {
            "actions": list(actions),
            "before": before,
            "after": after,
            "after_unknown": unknown or {},
            **{key: value for key, value in more.items() if key not in entry},
        },
    }


def output(actions=("create",), after=None, *, unknown=False, sensitive=False, **more):
    marks = {"before_sensitive": sensitive, "after_sensitive": sensitive}
    return {"actions": list(actions), "before": None, "after": after, "after_unknown": unknown, **marks, **more}


def plan(*changes, **more):
    given = {"format_version": "1.2", "terraform_version": "1.11.4", "configuration": {}, "planned_values": {}}
    return {**given, "complete": True, "errored": False, **more, "resource_changes": list(changes)}


def done(*words):
    """Completions: `create a.b`, `delete a.b K`."""
    parts = (each.split() for each in words)
    return {Completion(action=each[0], address=each[1], deposed=(each[2:] or [None])[0]) for each in parts}


UPDATE, DELETE, FORGET = ("update",), ("delete",), ("forget",)
REPLACE, REPLACE_LATE, REPLACE_FORGETTING = ("delete", "create"), ("create", "delete"), ("create", "forget")
OLD, NEW = {"id": "1", "v": "x"}, {"id": "1", "v": "y"}
UPDATED = change(actions=UPDATE, before=OLD, after=NEW)
CREATED = change(after={"v": "x"}, unknown={"id": True})
DELETED = change(actions=DELETE, before=OLD, action_reason="delete_because_no_resource_config")
REPLACED = change(actions=REPLACE, before=OLD, after={"v": "y"}, unknown={"id": True}, replace_paths=[["v"]])
LATE = {**REPLACED, "change": {**REPLACED["change"], "actions": list(REPLACE_LATE)}}
KEEPING = {**REPLACED, "change": {**REPLACED["change"], "actions": list(REPLACE_FORGETTING)}}
LEFT = change(actions=DELETE, before=OLD, deposed="K")
FORGOTTEN = change(actions=FORGET, before=OLD)
MOVED = change(actions=IDLE, before=OLD, after=OLD, previous_address="a.old")
IMPORTED = change(actions=IDLE, before=OLD, after=OLD, importing={"id": "1"})


def having(entry, **more):
    """*entry* with other members of its `change`, or of itself."""
    known = {"action_reason", "deposed", "mode", "previous_address", "provider_name", "type"}
    outer = {key: value for key, value in more.items() if key in known}
    return {**entry, **outer, "change": {**entry["change"], **{k: v for k, v in more.items() if k not in known}}}


def without(entry, name):
    """*entry* without a member of its `change`."""
    return {**entry, "change": bare(entry["change"], name)}


def bare(given, name):
    """*given* without a member."""
    return {key: value for key, value in given.items() if key != name}


TABLE = [
    # Nothing runs twice.
    ("created, again", plan(CREATED), plan(CREATED), ["create a.b"], "second time"),
    ("updated, again", plan(UPDATED), plan(UPDATED), ["update a.b"], "second time"),
    ("deleted, again", plan(DELETED), plan(DELETED), ["delete a.b"], "second time"),
    ("replaced, again", plan(REPLACED), plan(REPLACED), ["create a.b"], "second time"),
    ("destroyed, again, in a replacement", plan(REPLACED), plan(REPLACED), ["delete a.b"], "second time"),
    ("created first, again", plan(LATE), plan(LATE), ["create a.b"], "second time"),
    ("replaced and forgotten, again", plan(KEEPING), plan(KEEPING), ["create a.b"], "second time"),
    ("another was created", plan(CREATED), plan(CREATED), ["create a.c"], None),
    ("created is not updated", plan(UPDATED), plan(UPDATED), ["create a.b"], None),
    ("created, and now updated", plan(CREATED), plan(having(UPDATED)), ["create a.b"], "second time"),
    # Nothing that was not approved.
    ("a create more", plan(), plan(CREATED), [], "not approved"),
    ("a delete more", plan(UPDATED), plan(UPDATED, having(LEFT)), [], "not approved"),
    ("a change of what was to stay", plan(change(actions=IDLE, before=OLD, after=OLD)), plan(UPDATED), [], "another"),
    ("a read of what was to stay", plan(), plan(change(actions=("read",), mode="data")), [], None),
    ("data that stays as it is", plan(), plan(change(actions=IDLE, mode="data")), [], None),
    ("the deposed object instead", plan(DELETED), plan(LEFT), [], "not approved"),
    # The same actions, or the second half.
    ("update becomes replace", plan(UPDATED), plan(having(UPDATED, actions=list(REPLACE))), [], "another action"),
    ("the other order", plan(REPLACED), plan(LATE), [], "another action"),
    ("order back", plan(LATE), plan(REPLACED), [], "another action"),
    ("delete becomes forget", plan(DELETED), plan(having(DELETED, actions=["forget"])), [], "another action"),
    ("half done, but nobody says so", plan(REPLACED), plan(CREATED), [], "another action"),
    ("only its first half", plan(REPLACED), plan(DELETED), [], "another action"),
    ("half done, as terraform tells it", plan(REPLACED), plan(change(after={"v": "y"}, unknown={"id": True})),
     ["delete a.b"], None),
    ("half done, another half", plan(REPLACED), plan(DELETED), ["delete a.b"], "second time"),
    ("half done, but still there", plan(REPLACED), plan(having(CREATED, before=OLD)), ["delete a.b"], "starts"),
    ("half done, then updated", plan(REPLACED), plan(UPDATED), ["delete a.b"], "another action"),
    ("half done, for a reason", plan(REPLACED),
     plan(having(CREATED, action_reason="x", after={"v": "y"})), ["delete a.b"], "reason"),
    ("half done, of one with an identity", plan(having(REPLACED, before_identity={"i": "1"})),
     plan(change(after={"v": "y"}, unknown={"id": True})), ["delete a.b"], None),
    ("half done, in the wrong order", plan(LATE),
     plan(change(after={"v": "y"}, unknown={"id": True})), ["delete a.b"], "another"),
    # What creates first leaves the old object; it and only it goes, and only afterwards.
    ("the old one is left", plan(LATE), plan(LEFT), ["create a.b"], None),
    ("the old one is left, the new one is not there", plan(LATE), plan(LEFT), [], "not approved"),
    ("two old ones", plan(LATE), plan(LEFT, having(LEFT, deposed="L")), ["create a.b"], "not approved"),
    ("an old one, and one more to forget", plan(LATE), plan(LEFT, having(LEFT, deposed="L", actions=["forget"])),
     ["create a.b"], "another action"),
    ("the old one is left, and another object is to go", plan(LATE, change("a.c", DELETE, OLD)),
     plan(LEFT, change("a.c", DELETE, OLD)), ["create a.b"], None),
    ("the old one is another", plan(LATE), plan(having(LEFT, before=NEW)), ["create a.b"], "starts"),
    ("the old one is gone, and yet to go", plan(LATE), plan(LEFT), ["create a.b", "delete a.b L"], "not approved"),
    ("the old one is gone, and goes again", plan(LATE), plan(LEFT), ["create a.b", "delete a.b K"], "second time"),
    ("all is done, named", plan(LATE), plan(), ["create a.b", "delete a.b L"], None),
    ("all is done, nameless", plan(LATE), plan(), ["create a.b", "delete a.b"], None),
    ("the old one is nowhere", plan(LATE), plan(), ["create a.b"], "undone"),
    ("a left one of before goes too", plan(LATE, LEFT), plan(LEFT), ["create a.b", "delete a.b L"], None),
    ("which of two went", plan(LATE, LEFT), plan(), ["create a.b", "delete a.b"], "undone"),
    ("a deposed one, nameless", plan(LEFT), plan(), ["delete a.b"], None),
    ("a deposed one, named", plan(LEFT), plan(), ["delete a.b K"], None),
    ("a deposed one, another", plan(LEFT), plan(), ["delete a.b L"], "undone"),
    ("a deposed one, approved", plan(LEFT), plan(LEFT), [], None),
    ("a deposed one after another replacement", plan(REPLACED), plan(LEFT), ["create a.b"], "not approved"),
    ("a deposed one beside one that stays", plan(change(actions=IDLE, before=OLD, after=OLD), LEFT),
     plan(), ["delete a.b"], None),
    ("another's old one is gone", plan(LATE), plan(), ["create a.b", "delete a.c K"], "undone"),
    ("only the old one is gone", plan(LATE), plan(), ["delete a.b"], "undone"),
    ("which of two went, one to go", plan(LATE, LEFT), plan(LEFT), ["create a.b", "delete a.b"], "undone"),
    ("an old one that is forgotten", plan(LATE), plan(having(LEFT, actions=["forget"])), ["create a.b"], "approved"),
    # The same thing at the address.
    ("another provider", plan(having(UPDATED, provider_name="x")), plan(having(UPDATED, provider_name="y")), [], ""),
    ("another type", plan(having(UPDATED, type="x")), plan(having(UPDATED, type="y")), [], "else"),
    ("a member nobody knows", plan(UPDATED), plan(having(UPDATED, ransom="y")), [], "else"),
    ("a member nobody knows, approved", plan(having(UPDATED, r="y")), plan(having(UPDATED, r="y")), [], None),
    ("another reason", plan(DELETED), plan(having(DELETED, action_reason="delete_because_count_index")), [], "reason"),
    ("tainted", plan(REPLACED), plan(having(REPLACED, action_reason="replace_because_tainted")), [], "tainted"),
    ("tainted, approved", plan(having(REPLACED, action_reason="replace_because_tainted")),
     plan(having(REPLACED, action_reason="replace_because_tainted")), [], None),
    ("an approved change without marks of the unknown", plan(without(UPDATED, "after_unknown")),
     plan(without(UPDATED, "after_unknown")), [], None),
    # Moves and imports are changes, even of what is left alone.
    ("a move", plan(change(actions=IDLE, before=OLD, after=OLD)), plan(MOVED), [], "moved"),
    ("a move of something new", plan(), plan(MOVED), [], "moved"),
    ("a move, approved", plan(MOVED), plan(MOVED), [], None),
    ("a move that is done", plan(MOVED), plan(change(actions=IDLE, before=OLD, after=OLD)), [], None),
    ("a move from elsewhere", plan(MOVED), plan(having(MOVED, previous_address="a.c")), [], "moved"),
    ("a move that changes", plan(UPDATED), plan(having(UPDATED, previous_address="a.c")), [], "moved"),
    ("an import", plan(), plan(IMPORTED), [], "imported"),
    ("an import of another", plan(IMPORTED), plan(having(IMPORTED, importing={"id": "2"})), [], "imported"),
    ("an import, approved", plan(IMPORTED), plan(IMPORTED), [], None),
    ("an import that is done, and an update that is not", plan(having(UPDATED, importing={"id": "1"})), plan(UPDATED),
     [], None),
    ("configuration written", plan(UPDATED), plan(having(UPDATED, generated_config="x")), [], "imported"),
    # What is changed is what the reviewer saw.
    ("drift on what changes", plan(UPDATED), plan(having(UPDATED, before={**OLD, "v": "z"})), [], "starts"),
    ("drift elsewhere", plan(having(UPDATED, before={**OLD, "w": "1"}, after={**NEW, "w": "1"})),
     plan(having(UPDATED, before={**OLD, "w": "2"}, after={**NEW, "w": "1"})), [], "starts"),
    ("half saved", plan(UPDATED), plan(having(UPDATED, before=NEW)), [], "starts"),
    ("another object deleted", plan(DELETED), plan(having(DELETED, before=NEW)), [], "starts"),
    ("another object by identity", plan(having(UPDATED, before_identity={"i": "1"})),
     plan(having(UPDATED, before_identity={"i": "2"})), [], "another object"),
    ("the same object by identity", plan(having(UPDATED, before_identity={"i": "1"})),
     plan(having(UPDATED, before_identity={"i": "1"})), [], None),
    ("an identity that comes later", plan(CREATED), plan(having(CREATED, after_identity={"i": "2"})), [], None),
    ("an identity that changes", plan(having(CREATED, after_identity={"i": "1"})),
     plan(having(CREATED, after_identity={"i": "2"})), [], "another object"),
    ("an identity that stays", plan(having(DELETED, after_identity={"i": "1"})),
     plan(having(DELETED, after_identity={"i": "1"})), [], "another object"),
    ("an identity that stays, forgotten", plan(having(FORGOTTEN, after_identity={"i": "1"})),
     plan(having(FORGOTTEN, after_identity={"i": "1"})), [], "another object"),
    ("a delete that leaves something", plan(DELETED), plan(having(DELETED, after=OLD)), [], "come out"),
    ("a create of something else", plan(CREATED), plan(having(CREATED, after={"v": "y"})), [], "come out"),
    ("a reason more to replace", plan(REPLACED), plan(having(REPLACED, replace_paths=[["v"], ["w"]])), [], "attribute"),
    ("a reason less to replace", plan(REPLACED), plan(having(REPLACED, replace_paths=None)), [], None),
    ("reasons that are no list", plan(REPLACED), plan(having(REPLACED, replace_paths=True)), [], "attribute"),
    ("reasons that were no list", plan(having(REPLACED, replace_paths="v")),
     plan(having(REPLACED, replace_paths=["v"])), [], "attribute"),
    ("reasons that are none", plan(REPLACED), plan(having(REPLACED, replace_paths="v")), [], "attribute"),
    # Nothing less.
    ("a create less", plan(CREATED), plan(), [], "undone"),
    ("an update less: saved as done", plan(UPDATED), plan(having(UPDATED, actions=["no-op"])), [], "undone"),
    ("a delete less", plan(DELETED), plan(), [], "undone"),
    ("a replacement less", plan(REPLACED), plan(), ["delete a.b"], "undone"),
    ("a replacement that is done", plan(REPLACED), plan(), ["delete a.b", "create a.b"], None),
    ("a replacement that forgets and is done", plan(KEEPING), plan(), ["create a.b"], None),
    ("a replacement that forgets less", plan(KEEPING), plan(), [], "undone"),
    ("forgotten", plan(FORGOTTEN), plan(), [], None),
    ("not forgotten", plan(having(DELETED, actions=["forget"])), plan(having(DELETED, actions=["no-op"])), [], "undo"),
    ("nothing, of nothing", plan(), plan(), [], None),
    ("nothing, and no list of it", plan(), bare(plan(), "resource_changes"), [], None),
    ("no list of what was approved", bare(plan(), "resource_changes"), plan(CREATED), [], "not approved"),
    # What is not understood.
    ("an unknown action", plan(UPDATED), plan(having(UPDATED, actions=["melt"])), [], "understood: the action on a.b"),
    ("an action unknown in A", plan(having(UPDATED, actions=["melt"])), plan(UPDATED), [], "not understood"),
    ("no actions", plan(UPDATED), plan(having(UPDATED, actions=None)), [], "understood: the actions of a.b"),
    ("a managed object that is read", plan(), plan(change(actions=("read",))), [], "not understood"),
    ("a data source that is created", plan(), plan(change(mode="data")), [], "not understood"),
    ("another mode", plan(), plan(change(actions=IDLE, mode="action")), [], "not understood"),
    ("no mode", plan(), plan(change(actions=IDLE, mode=None)), [], "not understood"),
    ("one change twice", plan(CREATED), plan(CREATED, CREATED), [], "two changes"),
    ("a change that is no object", plan(), plan("x"), [], "understood: a resource change"),
    ("an address that is no text", plan(), plan(change(address=None)), [], "not understood"),
    ("a key that is no text", plan(), plan(having(LEFT, deposed=True)), [], "understood: deposed of a.b"),
    ("a reason that is no text", plan(), plan(having(MOVED, action_reason=["x"])), [], "action_reason of a.b"),
    ("a former address that is no text", plan(), plan(having(MOVED, previous_address=["x"])), [], "previous_address"),
    ("no change in a change", plan(), plan({"address": "a.b", "mode": "managed"}), [], "understood: the change of a.b"),
    ("marks that are none", plan(CREATED), plan(having(CREATED, after_unknown="x")), [], "after_unknown of a.b"),
    ("changes that are no list", plan(), {**plan(), "resource_changes": {}}, [], "understood: its resource changes"),
    ("outputs that are no object", plan(), plan(output_changes=[]), [], "understood: its output changes"),
    ("an output with an unknown action", plan(), plan(output_changes={"o": output(("read",))}), [], "of output.o"),
    ("no plan", plan(), [], [], "cannot be continued"),
    ("no approved plan", None, plan(), [], "cannot be continued"),
    # The same question.
    ("another format", plan(), plan(format_version="2.0"), [], "format"),
    ("the format before 1.0", plan(format_version="0.2"), plan(format_version="0.2"), [], None),
    ("another terraform", plan(), plan(terraform_version="1.12.0"), [], "terraform"),
    ("another configuration", plan(configuration={"a": "1"}), plan(configuration={"a": "2"}), [], "approval"),
    ("another variable", plan(variables={"v": {"value": "1"}}), plan(variables={"v": {"value": None}}), [], "approved"),
    ("a variable more", plan(), plan(variables={"v": {"value": "1"}}), [], "approved"),
    ("partial, once whole", plan(), plan(complete=False), [], "part"),
    ("whole, once partial", plan(complete=False), plan(), [], "part"),
    ("partial both", plan(complete=False), plan(complete=False), [], None),
    ("no terraform's", plan(terraform_version=None), plan(terraform_version=None), [], "version is not known"),
    ("a version behind something", plan(terraform_version="v1.11.4"), plan(terraform_version="v1.11.4"), [],
     "version is not known"),
    ("half a version", plan(terraform_version="1"), plan(terraform_version="1"), [], "version is not known"),
    ("a version in other digits", plan(terraform_version="\u0661.\u0662.3"),
     plan(terraform_version="\u0661.\u0662.3"), [], "version is not known"),
    ("a candidate", plan(terraform_version="1.15.0-rc1"), plan(terraform_version="1.15.0-rc1"), [], None),
    ("no configuration", plan(configuration=None), plan(configuration=None), [], "no configuration"),
    ("a configuration that is none", plan(configuration=[]), plan(configuration=[]), [], "no configuration"),
    ("no planned values", plan(planned_values=None), plan(planned_values=None), [], "no planned_values"),
    ("errored", plan(), plan(errored=True), [], "error"),
    ("errored both", plan(errored=True), plan(errored=True), [], "error"),
    ("deferred", plan(), plan(deferred_changes=["x"]), [], "defers"),
    ("deferred both", plan(deferred_changes=["x"]), plan(deferred_changes=["x"]), [], "defers"),
    ("actions invoked", plan(), plan(action_invocations=["x"]), [], "invokes"),
    ("actions deferred", plan(), plan(deferred_action_invocations=["x"]), [], "defers actions"),
    ("no action is invoked", plan(action_invocations=[]), plan(action_invocations=[]), [], None),
    ("a member of tomorrow", plan(), plan(incantations=["x"]), [], "approved"),
    ("a member of tomorrow, approved", plan(incantations=["x"]), plan(incantations=["x"]), [], None),
    ("an ephemeral variable", plan(configuration={"root_module": {"variables": {"e": {}}}}),
     plan(configuration={"root_module": {"variables": {"e": {}}}}), [], "ephemeral"),
    ("a variable with a default", plan(configuration={"root_module": {"variables": {"e": {"default": "1"}}}}),
     plan(configuration={"root_module": {"variables": {"e": {"default": "1"}}}}), [], None),
    ("variables that are none", plan(variables=["v"]), plan(variables=["v"]), [], "not understood"),
    # Outputs.
    ("an output more", plan(), plan(output_changes={"o": output()}), [], "not approved"),
    ("an output that was to stay", plan(output_changes={"o": output(IDLE)}),
     plan(output_changes={"o": output(UPDATE, "x")}), [], "not approved"),
    ("an output's value", plan(output_changes={"o": output(after="x")}),
     plan(output_changes={"o": output(after="y")}), [], "come out"),
    ("an output that was unknown", plan(output_changes={"o": output(unknown=True)}),
     plan(output_changes={"o": output(UPDATE, "y")}), [], None),
    ("an output unknown now", plan(output_changes={"o": output(after="x")}),
     plan(output_changes={"o": output(unknown=True)}), [], "come out"),
    ("an output that goes", plan(output_changes={"o": output(unknown=True)}),
     plan(output_changes={"o": output(DELETE)}), [], "another action"),
    ("an output laid open", plan(output_changes={"o": output(after="x", sensitive=True)}),
     plan(output_changes={"o": output(after="x")}), [], "something else"),
    ("an output of tomorrow", plan(output_changes={"o": output(after="x")}),
     plan(output_changes={"o": output(after="x", to="world")}), [], "something else"),
    ("an output that is null now", plan(output_changes={"o": {"actions": ["create"], "after_unknown": False}}),
     plan(output_changes={"o": output()}), [], "something else"),
]  # fmt: skip


@pytest.mark.parametrize(("approved", "new", "words", "why"), [each[1:] for each in TABLE], ids=[t[0] for t in TABLE])
def test_each_rule_by_itself(approved, new, words, why):
    """A plan that differs from the approved one in the thing named is refused for it, or is within."""
    found = refusals(approved, new, done(*words))
    if why is None:
        assert found == []
    else:
        assert any(why in each.why for each in found), found


TOLD = [
    ("a create more", plan(), plan(CREATED), [], ("a.b", "nothing", "create", None)),
    ("a create less", plan(CREATED), plan(), [], ("a.b", "create", "nothing", None)),
    ("done already", plan(UPDATED), plan(UPDATED), ["update a.b"], ("a.b", "update", "update", None)),
    ("another action", plan(UPDATED), plan(having(UPDATED, actions=list(REPLACE))), [],
     ("a.b", "update", "delete then create", None)),
    ("a member nobody knows, without what is in it", plan(having(UPDATED, ransom={"s3cret": ["x"]})),
     plan(having(UPDATED, ransom={"s3cret": ["y"]})), [], ("a.b", "update", "update", "ransom")),
    ("a member nobody knows, half done", plan(having(REPLACED, ransom="x")), plan(change(ransom="y")), ["delete a.b"],
     ("a.b", "delete then create", "create", "ransom")),
    ("another reason", plan(UPDATED), plan(having(UPDATED, action_reason="x")), [], ("a.b", "update", "update", None)),
    ("another reason, half done", plan(REPLACED), plan(having(CREATED, action_reason="x")), ["delete a.b"],
     ("a.b", "delete then create", "create", None)),
    ("a move", plan(UPDATED), plan(having(UPDATED, previous_address="a.c")), [],
     ("a.b", "update", "update", "previous_address")),
    ("a move of what is done", plan(UPDATED), plan(MOVED), ["update a.b"],
     ("a.b", "update", "nothing", "previous_address")),
    ("an import", plan(), plan(IMPORTED), [], ("a.b", "nothing", "nothing", "importing")),
    ("another start", plan(UPDATED), plan(having(UPDATED, before={**OLD, "v": "z"})), [],
     ("a.b", "update", "update", "v")),
    ("another start, deposed", plan(LATE), plan(having(LEFT, before=NEW)), ["create a.b"],
     ("a.b (deposed object K)", "create then delete", "delete", "v")),
    ("another object, deposed", plan(LATE), plan(having(LEFT, before_identity={"i": "1"})), ["create a.b"],
     ("a.b (deposed object K)", "create then delete", "delete", "before_identity")),
    ("another object afterwards, deposed", plan(LATE), plan(having(LEFT, after_identity={"i": "1"})), ["create a.b"],
     ("a.b (deposed object K)", "create then delete", "delete", "after_identity")),
    ("another attribute, deposed", plan(LATE), plan(having(LEFT, replace_paths=[["w"]])), ["create a.b"],
     ("a.b (deposed object K)", "create then delete", "delete", "replace_paths")),
    ("another object", plan(UPDATED), plan(having(UPDATED, before_identity={"i": "1"})), [],
     ("a.b", "update", "update", "before_identity")),
    ("another result", plan(UPDATED), plan(having(UPDATED, after=OLD)), [], ("a.b", "update", "update", "v")),
    ("another object afterwards", plan(having(CREATED, after_identity={"i": "1"})), plan(CREATED), [],
     ("a.b", "create", "create", "after_identity")),
    ("another attribute", plan(REPLACED), plan(having(REPLACED, replace_paths=[["w"]])), [],
     ("a.b", "delete then create", "delete then create", "replace_paths")),
    ("an output more", plan(), plan(output_changes={"o": output()}), [], ("output.o", "nothing", "create", None)),
    ("an output that goes", plan(output_changes={"o": output()}), plan(output_changes={"o": output(DELETE)}), [],
     ("output.o", "create", "delete", None)),
    ("an output laid open", plan(output_changes={"o": output(sensitive=True)}), plan(output_changes={"o": output()}),
     [], ("output.o", "create", "create", None)),
    ("an output laid open later", plan(output_changes={"o": output(sensitive=True)}),
     plan(output_changes={"o": output(UPDATE)}), [], ("output.o", "create", "update", None)),
    ("an output's value", plan(output_changes={"o": output(after={"v": "x"})}),
     plan(output_changes={"o": output(UPDATE, {"v": "y"})}), [], ("output.o", "create", "update", "v")),
    ("no plan", plan(), [], [], ("plan", "a plan", "something else", None)),
]  # fmt: skip


@pytest.mark.parametrize(("approved", "new", "words", "told"), [each[1:] for each in TOLD], ids=[t[0] for t in TOLD])
def test_a_refusal_names_the_address_both_actions_and_the_place(approved, new, words, told):
    """What a reader needs to find the change in both plans."""
    (found,) = refusals(approved, new, done(*words))
    assert (found.address, found.approved, found.now, found.path) == told


def test_what_differs_in_the_question_is_told_in_the_order_of_its_names():
    """The same refusal reads the same each time: members, then variables."""
    names = ["m1", "m2", "m3", "m4", "m5", "m6"]
    new = plan(**dict.fromkeys(names, "x"), variables={name: {"value": "x"} for name in names})
    assert [each.address for each in refusals(plan(), new, [])] == [*names, *(f"var.{name}" for name in names)]


def secret(kind, marks):
    """A refused pair whose difference lies in, or under, what *marks* makes sensitive."""
    approved = plan(having(UPDATED, after={"v": {"s3cret": ["x"]}}))
    new = plan(having(UPDATED, after={"v": {"s3cret": ["y"]}}, **{kind: marks}))
    return approved, new


@pytest.mark.parametrize("kind", ["before_sensitive", "after_sensitive"])
@pytest.mark.parametrize(
    ("marks", "path"),
    [
        ({}, "v.s3cret[0]"),
        ({"v": {"s3cret": [True]}}, "v.s3cret[0]"),
        ({"v": {"s3cret": True}}, "v.s3cret"),
        ({"v": True}, "v"),
        (True, None),
    ],
)
def test_a_path_ends_where_the_sensitive_begins(kind, marks, path):
    """Nothing is told of what is inside a sensitive value, not even its keys; the approved plan's marks count too."""
    approved, new = secret(kind, marks)
    for one, other in ((approved, new), (new, approved)):
        assert [each.path for each in refusals(one, other, [])] == [path]


def test_a_deposed_object_is_named_with_its_key():
    """As terraform names it."""
    (found,) = refusals(plan(), plan(LEFT), [])
    assert (found.address, found.approved, found.now) == ("a.b (deposed object K)", "nothing", "delete")


def test_a_changed_variable_is_named_and_its_value_is_not():
    """The name is in the configuration, the value may be a secret."""
    (found,) = refusals(plan(variables={"v": {"value": "s3cret"}}), plan(variables={"v": {"value": "s3cre7"}}), [])
    assert (found.address, found.approved, found.now, found.path) == ("var.v", "as reviewed", "different", None)

"""What is done of an approved plan: terraform's report decides, the state must agree, a contradiction is refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tfretry.output.progress import Completion
from tfretry.plan.changes import ChangeKey
from tfretry.plan.plan_json import Entry, ObjectKey
from tfretry.plan.state import Instance, InstanceKey, State, has_same_substance

NO_OP = "no-op"
CREATES_FIRST = ("create, delete", "create, forget")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """What terraform has reported in all attempts since the approval, by address."""

    created: frozenset[str]
    updated: frozenset[str]
    deleted: Mapping[str, int]  # how often: terraform does not always say which deposed object it means
    destroy_provisioned: frozenset[str]

    @classmethod
    def of(cls, completions: Iterable[Completion], destroy_provisioned: Iterable[str]) -> Reports:
        """Sum up what the attempts have completed, and where a destroy-time provisioner has begun."""
        made = [(each.action, each.address) for each in completions]
        return cls(
            created=frozenset(address for action, address in made if action == "create"),
            updated=frozenset(address for action, address in made if action == "update"),
            deleted=Counter(address for action, address in made if action == "delete"),
            destroy_provisioned=frozenset(destroy_provisioned),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What has become of the approved changes; *refusals* are sentences that begin with an address."""

    done: frozenset[ChangeKey]
    left: frozenset[ChangeKey]
    deposed: Mapping[ChangeKey, str]  # those of which only the deletion of the old object, by this key, is left
    refusals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of one change: *why* it is refused, *key* of the deposed object that is left to delete."""

    is_: Literal["done", "left", "deposed", "refused"]
    why: str = ""
    key: str = ""


DONE, LEFT = Verdict("done"), Verdict("left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one approved change and its object."""

    action: str
    was: Instance | None
    now: Instance | None
    new_deposed: Mapping[str, Instance]
    created: bool  # these four: as terraform reports
    updated: bool
    deleted: bool = False
    destroy_provisioned: bool

    @property
    def is_as_before(self) -> bool:
        """Whether nothing has happened to the object."""
        return self.was is not None and has_same_substance(self.was, self.now) and not self.new_deposed

    @property
    def has_deleted(self) -> bool:
        """Whether an object is gone that this change deletes."""
        if self.action == "create, delete":
            return self.created and not self.new_deposed
        return self.action in ("delete", "delete, create") and (self.now is None or self.created)


def decide(
    changes: Mapping[ChangeKey, Entry],
    *,
    data_deletions: Iterable[ObjectKey],
    before: State,
    now: State,
    reports: Reports,
) -> Decision:
    """Decide what is done of *changes*, which were planned on the state *before*, in the state *now*.

    *data_deletions* are data sources that the plan takes out of the state, which `show` does not tell.
    """
    facts = _facts(changes, before, now, reports)
    gone = Counter(key.address for key, each in facts.items() if each.has_deleted)
    verdicts = {}
    for key, each in facts.items():
        reported = reports.deleted.get(key.address, 0) - (gone[key.address] - each.has_deleted)
        verdicts[key] = _verdict(replace(each, deleted=reported > 0))
    acted_on = {(changes[key].object, key.deposed) for key in facts} | {(data, "") for data in data_deletions}
    acted_on |= {(changes[key].object, deposed) for key, each in facts.items() for deposed in each.new_deposed}
    refusals = [f"{named(key)} {each.why}" for key, each in verdicts.items() if each.is_ == "refused"]
    return Decision(
        done=frozenset(key for key, each in verdicts.items() if each is DONE),
        left=frozenset(key for key, each in verdicts.items() if each.is_ in ("left", "deposed")),
        deposed={key: each.key for key, each in verdicts.items() if each.is_ == "deposed"},
        refusals=(*refusals, *_meddling(before, now, acted_on)),
    )


def named(key: ChangeKey) -> str:
    """Return the address of a change, with the deposed object that it is made to."""
    return f"{key.address} (deposed object {key.deposed})" if key.deposed else key.address


def _facts(changes: Mapping[ChangeKey, Entry], before: State, now: State, reports: Reports) -> dict[ChangeKey, Facts]:
    new_deposed: defaultdict[ObjectKey, dict[str, Instance]] = defaultdict(dict)
    for (key, deposed), instance in now.objects.items():
        if deposed and (key, deposed) not in before.objects:
            new_deposed[key][deposed] = instance
    return {
        key: Facts(
            action=entry.action,
            was=before.objects.get((entry.object, key.deposed)),
            now=now.objects.get((entry.object, key.deposed)),
            new_deposed=new_deposed.get(entry.object, {}) if entry.action in CREATES_FIRST else {},
            created=key.address in reports.created,
            updated=key.address in reports.updated,
            destroy_provisioned=key.address in reports.destroy_provisioned,
        )
        for key, entry in changes.items()
        if entry.action != NO_OP
    }


def _verdict(facts: Facts) -> Verdict:
    decided = RULES[facts.action](facts)
    if decided.is_ == "refused" or facts.now is None:
        return decided
    if facts.now.get("status") == "tainted" and not facts.is_as_before:
        return Verdict("refused", "is tainted: it was made, and what came with it failed")
    if decided.is_ != "done" and facts.destroy_provisioned:
        return Verdict("refused", "would run its destroy-time provisioner again")
    return decided


def _create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else _vanished()
    return LEFT if facts.now is None else _unreported("was made", facts)


def _delete_create(facts: Facts) -> Verdict:
    if facts.created:
        if facts.now is None:
            return _vanished()
        is_old = facts.is_as_before and not facts.deleted
        return Verdict("refused", "was reported as replaced, and is the old object") if is_old else DONE
    if facts.now is None:
        return LEFT if facts.deleted else _gone()
    return _left_as_before(facts)


def _create_delete(facts: Facts) -> Verdict:
    if not facts.created:
        return _left_as_before(facts)
    if facts.now is None:
        return _vanished()
    if not facts.new_deposed:
        return DONE
    (key, old), *others = facts.new_deposed.items()
    if others or not has_same_substance(facts.was, old) or facts.action != "create, delete" or facts.deleted:
        return Verdict("refused", "was replaced, and what is left of the old object is not what was approved")
    return Verdict("deposed", key=key)


def _forget_create(facts: Facts) -> Verdict:
    if facts.created:
        return DONE if facts.now is not None else _vanished()
    return LEFT if facts.now is None else _left_as_before(facts)


def _update(facts: Facts) -> Verdict:
    if facts.updated:
        return DONE if facts.now is not None else _vanished()
    return _gone() if facts.now is None else _left_as_before(facts)


def _delete(facts: Facts) -> Verdict:
    if facts.now is None:
        return DONE if facts.deleted else _gone()
    return _left_as_before(facts)


def _forget(facts: Facts) -> Verdict:
    return DONE if facts.now is None else _left_as_before(facts)


def _read(facts: Facts) -> Verdict:
    """What was read in the apply is not read again: everything else was made with its value."""
    return LEFT if facts.now is None or facts.now == facts.was else DONE


RULES = {
    "create": _create,
    "read": _read,
    "update": _update,
    "delete": _delete,
    "delete, create": _delete_create,
    "create, delete": _create_delete,
    "create, forget": _create_delete,
    "forget": _forget,
    "forget, create": _forget_create,
}


def _left_as_before(facts: Facts) -> Verdict:
    if facts.is_as_before and not facts.deleted:
        return LEFT
    if facts.is_as_before:
        return Verdict("refused", "was reported as destroyed, and is still in the state")
    return _unreported("has changed", facts)


def _vanished() -> Verdict:
    return Verdict("refused", "was reported as complete, and is not in the state")


def _gone() -> Verdict:
    return Verdict("refused", "is gone, and terraform did not report that it destroyed it")


def _unreported(what: str, facts: Facts) -> Verdict:
    if facts.now is not None and facts.now.get("status") == "tainted":
        return Verdict("refused", "is tainted: it was made, and what came with it failed")
    return Verdict("refused", f"{what}, and terraform did not report that it completed this")


def _meddling(before: State, now: State, acted_on: set[InstanceKey]) -> Iterator[str]:
    """Yield a sentence for each object that no change is about, and that is not as it was: somebody else worked."""
    for key in before.objects.keys() | now.objects.keys():
        if key in acted_on or before.objects.get(key) == now.objects.get(key):
            continue
        what = "has changed" if key in before.objects and key in now.objects else "has come or gone"
        yield f"{_rendered(*key)} {what} since the approval, and the plan has no change of it"


def _rendered(key: ObjectKey, deposed: str) -> str:
    index = "" if key.index_key is None else f"[{key.index_key}]"
    name = f"{'data.' if key.mode == 'data' else ''}{key.type}.{key.name}{index}"
    return named(ChangeKey(f"{key.module}.{name}" if key.module else name, deposed))

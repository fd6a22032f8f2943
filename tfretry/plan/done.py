"""Decide which approved changes are done: by terraform's reports, with which the state must agree."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tfretry.output.progress import Progress
from tfretry.plan.changes import ChangeKey
from tfretry.plan.plan_json import Entry, Number, ObjectKey
from tfretry.plan.state import Instance, InstanceKey, State
from tfretry.plan.verdict import DONE, Facts, verdict_on

NO_OP = "no-op"
SHOWN = 10  # addresses in a refusal; the others are counted
CREATES_FIRST = ("create, delete", "create, forget")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Terraform's reports in all attempts since the approval, by address."""

    created: frozenset[str]
    updated: frozenset[str]
    deleted: Mapping[str, int]  # the number: terraform does not always name the deposed object
    destroy_provisioned: frozenset[str]
    are_text: bool = False

    @classmethod
    def of(cls, attempts: Sequence[Progress]) -> Reports:
        """Sum up the progress of all *attempts*."""
        by_action: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for completion in (each for progress in attempts for each in progress.finished):
            by_action[completion.action][completion.address] += 1
        return cls(
            created=frozenset(by_action["create"]),
            updated=frozenset(by_action["update"]),
            deleted=by_action["delete"],
            destroy_provisioned=frozenset().union(*(progress.destroy_provisioned for progress in attempts)),
            are_text=any(progress.is_text for progress in attempts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision on each approved change; *refusals* are sentences that begin with an address."""

    done: frozenset[ChangeKey]
    left: frozenset[ChangeKey]
    deposed: Mapping[ChangeKey, str]  # replacements: only the deletion of this old object is left
    refusals: tuple[str, ...]


def decide(
    changes: Mapping[ChangeKey, Entry],
    *,
    data_deletions: Iterable[ObjectKey],
    before: State,
    now: State,
    reports: Reports,
) -> Decision:
    """Decide which of *changes* are done; they were planned on the state *before*, and the state is *now*.

    *data_deletions* are data sources that the plan removes from the state; `show` does not list them.
    """
    facts = _facts(changes, before, now, reports)
    # A report does not always name the deposed object: those that other changes of the address explain do not count.
    gone = Counter(key.address for key, each in facts.items() if each.has_deleted)
    verdicts = {}
    for key, each in facts.items():
        reported = reports.deleted.get(key.address, 0) - (gone[key.address] - each.has_deleted)
        verdicts[key] = verdict_on(replace(each, deleted=reported > 0))
    acted_on = {(changes[key].object, key.deposed) for key in facts} | {(data, "") for data in data_deletions}
    acted_on |= {(changes[key].object, deposed) for key, each in facts.items() for deposed in each.new_deposed}
    refusals = [f"{named(key)} {each.why}" for key, each in verdicts.items() if each.kind == "refused"]
    return Decision(
        done=frozenset(key for key, each in verdicts.items() if each is DONE),
        left=frozenset(key for key, each in verdicts.items() if each.kind in ("left", "deposed")),
        deposed={key: each.key for key, each in verdicts.items() if each.kind == "deposed"},
        refusals=(
            *refusals,
            *_meddling(before, now, acted_on),
            *(_misleading(changes, acted_on, before, now) if reports.are_text else ()),
        ),
    )


def named(key: ChangeKey) -> str:
    """Return the address of a change, and its deposed object."""
    return f"{key.address} (deposed object {key.deposed})" if key.deposed else key.address


def shortened(texts: Sequence[str], rest: str = "{} more") -> list[str]:
    """Return the first of *texts*, and *rest* with the number of the others."""
    return [*texts[:SHOWN], *([rest.format(len(texts) - SHOWN)] if len(texts) > SHOWN else [])]


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


def _meddling(before: State, now: State, acted_on: set[InstanceKey]) -> Iterator[str]:
    """Yield a sentence for each object that has changed though the plan does not change it: another run did."""
    changed = {
        _rendered(*key): "has changed" if key in before.objects and key in now.objects else "was added or removed"
        for key in (before.objects.keys() | now.objects.keys()) - acted_on
        if before.objects.get(key) != now.objects.get(key)
    }
    for name, what in sorted(changed.items()):
        yield f"{name} {what} since the approval, and the plan does not change it"


def _misleading(changes: Mapping[ChangeKey, Entry], acted_on: Iterable[InstanceKey], *states: State) -> Iterator[str]:
    """Yield a sentence for each object of the apply whose name, as terraform prints it, could look like a report."""
    broken = {named(key) for key, entry in changes.items() if "\n" in str(entry.import_id)}
    for key in acted_on:
        if any("\n" in name for state in states for name in _printed_names(state.objects.get(key, {}))):
            broken.add(_rendered(*key))
    for name in sorted(broken):
        yield f"{name} has a line break in its id or name, so terraform's reports cannot be relied on"


def _printed_names(instance: Instance) -> Iterator[str]:
    """Yield what terraform may print unescaped beside the address (its internal/command/format/object_id.go)."""
    attributes = instance.get("attributes")
    if not isinstance(attributes, dict):
        return
    tags = attributes.get("tags")
    tags = tags if isinstance(tags, dict) else {}
    names = (attributes.get("id"), attributes.get("name"), tags.get("name"), tags.get("Name"))
    yield from (name for name in names if isinstance(name, str))


def _rendered(key: ObjectKey, deposed: str) -> str:
    index = "" if key.index_key is None else f"[{_key_text(key.index_key)}]"
    name = f"{'data.' if key.mode == 'data' else ''}{key.type}.{key.name}{index}"
    return named(ChangeKey(f"{key.module}.{name}" if key.module else name, deposed))


def _key_text(index_key: str) -> str:
    return index_key if isinstance(index_key, Number) else json.dumps(index_key, ensure_ascii=False)

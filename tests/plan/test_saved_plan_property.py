"""For random graphs and random failures: the provider is called as by one uninterrupted apply, each call once."""

from __future__ import annotations

import random

import pytest
from saved_plans import CREATE_FIRST, service, succeeded

pytestmark = pytest.mark.slow
pytest_plugins = ["provider_fixture", "saved_plan_fixture"]

EXAMPLES = 12
# The kinds of change of a service, and the calls of each.
KINDS = ("create", "update", "replace", "replace first", "delete", "keep")
CALLS = {
    "create": ["create {}"],
    "update": ["update {}"],
    "replace": ["delete {}", "create {}-new"],
    "replace first": ["create {}-new", "delete {}"],
    "delete": ["delete {}"],
    "keep": [],
}


def module(kinds, needs, *, after):
    """Return all services before or after the changes."""
    parts = []
    for label, kind in kinds.items():
        if kind == ("delete" if after else "create"):
            continue
        there = [other for other in needs[label] if kinds[other] != ("delete" if after else "create")]
        depends = f"depends_on = [{', '.join(f'sim_service.{other}' for other in there)}]"
        name = f"{label}-new" if after and kind.startswith("replace") else label
        first = CREATE_FIRST if kind == "replace first" else ""
        parts.append(service(label, f"size = {1 + after * (kind == 'update')}", depends, first, name=name))
    return "".join(parts)


def example(seed):
    """Return the change of each service, an acyclic graph of needs, all calls, and how often some of them fail."""
    random_ = random.Random(seed)
    labels = [f"s{number}" for number in range(random_.randint(5, 8))]
    kinds = {label: random_.choice(KINDS) for label in labels}
    kinds["s0"], kinds[labels[-1]] = "create", random_.choice(KINDS[:-1])
    needs = {
        label: random_.sample(labels[:index], random_.randint(0, min(index, 2))) for index, label in enumerate(labels)
    }
    calls = [tuple(call.format(label).split()) for label, kind in kinds.items() for call in CALLS[kind]]
    failing = random_.sample(calls, random_.randint(1, min(4, len(calls))))
    return kinds, needs, calls, {call: random_.randint(1, 2) for call in failing}


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_the_calls_are_those_of_one_uninterrupted_apply(sim, apply, seed):
    """In an order in which each object is made after those that it needs, and deleted before them."""
    kinds, needs, calls, failing = example(seed)
    sim.applied(module(kinds, needs, after=False))
    sim.write(module(kinds, needs, after=True))
    sim.plan("tfplan")
    for (verb, name), attempts in failing.items():
        sim.fail(verb, name, attempts=attempts)
    sim.forget()
    done = apply("-json" if seed % 2 else "-no-color", "tfplan", options=("--timeout=1h",))
    assert succeeded(done)
    made = sim.calls("create", "update", "delete")
    assert sorted(made) == sorted(calls), (kinds, needs, failing)
    for label, others in needs.items():
        comes = [made.index(call) for call in calls if call[0] != "delete" and call[1].split("-")[0] == label]
        for other in others:
            needed = [made.index(call) for call in calls if call[0] != "delete" and call[1].split("-")[0] == other]
            assert max(needed, default=-1) < min(comes, default=len(made))
    assert sim.terraform("plan", "-detailed-exitcode", "-no-color").returncode == 0

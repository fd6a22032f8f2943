"""Continue a saved plan: after a failed apply, apply exactly the rest of the approved plan file."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tfretry.errors import PlanError
from tfretry.next_argv import Next
from tfretry.plan.archive import PLAN, PREVIOUS_STATE, STATE, read_archive, write_archive
from tfretry.plan.changes import ChangeKey, PlannedChanges, read_changes, without
from tfretry.plan.done import Decision, Reports, decide, named, shortened
from tfretry.plan.nameless import nameless_file, path_for_terraform
from tfretry.plan.plan_file import ApprovedPlan
from tfretry.plan.plan_json import Entry, ObjectKey, addresses, entries, has_ephemeral_resources
from tfretry.plan.proof import check_rest
from tfretry.plan.query import Query
from tfretry.plan.state import State, read_state
from tfretry.process.signals import Signals
from tfretry.terraform.command import Command, redacted

EPHEMERAL = "the plan has ephemeral resources: terraform opens them again for the rest, so their values may differ"


@contextlib.contextmanager
def refusing_os_errors() -> Iterator[None]:
    """Raise PlanError for an OSError, as on a full disk, and where memory does not suffice."""
    try:
        yield
    except MemoryError as error:
        raise PlanError("memory does not suffice for the plan and the state") from error
    except OSError as error:
        raise PlanError(f"{error.filename or 'a temporary file'}: {error.strerror}") from error


@refusing_os_errors()
def rest_of(approved: ApprovedPlan, reports: Reports, signals: Signals) -> Next:
    """Return the rest of the plan after the attempts of *reports*, proved.

    Raises PlanError, InterruptedRetryError.
    """
    query = Query(approved.command, signals)
    now = read_state(query.pull_state())  # first: a change by another run before it is not noticed
    _check_variables(approved, query)
    content = approved.file.read()
    archive = read_archive(content)
    planned = read_changes(archive[PLAN])
    with nameless_file() as copy:
        copy.write(content)
        shown = query.show(copy)
    listed = entries(shown)
    before = read_state(archive[STATE])
    is_written = _is_written(before, now, previous=read_state(archive[PREVIOUS_STATE]))
    state, deletions = now if is_written else before, _data_deletions(planned, listed, shown)
    decision = decide(listed, data_deletions=deletions, before=before, now=state, reports=reports)
    if decision.refusals:
        raise _refused(decision, is_concise=approved.command.is_concise)
    rest = nameless_file()
    try:
        plan = without(planned, decision.done, decision.deposed)
        write_archive(archive, plan=plan, state=now.text if is_written else archive[STATE], to=rest)
        check_rest(shown, query.show(rest), decision)
        warns = bool(decision.done) and has_ephemeral_resources(shown)
        return Next(
            argv=tuple(approved.command.apply_argv(path_for_terraform(rest))),
            warning=EPHEMERAL if warns else "",
            check=partial(_check_unchanged, approved, query, now),
            plan=rest,
        )
    except BaseException:
        rest.close()
        raise


def advice(command: Command) -> str:
    """Return how to see and approve the rest where tfretry does not apply it."""
    options = redacted(command.planning_options)
    shown = shlex.join(["terraform", *command.global_options, "plan", "-out=NEWPLAN", *options])
    return f"To see what is left to do: {shown}; review that plan, and apply it if it is right."


def _refused(decision: Decision, *, is_concise: bool) -> PlanError:
    details = list(shortened(decision.refusals, "and {} more"))
    if is_concise:
        details.append("With -concise, terraform does not report what it has done.")
    if decision.left:
        left = shortened(sorted(map(named, decision.left)))
        details.append(f"Left of the approved plan: {', '.join(left)}.")
    return PlanError("the rest of the approved plan can no longer be applied", *details)


def _check_variables(approved: ApprovedPlan, query: Query) -> None:
    """Raise PlanError if a variable file has changed: OpenTofu reads again what the plan has not recorded."""
    changed = approved.changed_variable_files()
    if changed and query.is_opentofu:
        raise PlanError(f"a variable file has changed since the first attempt: {', '.join(shortened(changed))}")


@refusing_os_errors()
def _check_unchanged(approved: ApprovedPlan, query: Query, state: State) -> None:
    """Raise PlanError if *state*, or a file that OpenTofu reads, has changed since the rest was proved."""
    _check_variables(approved, query)
    now = read_state(query.pull_state())
    if not now.says_the_same_as(state):
        raise PlanError("another run has changed the state while tfretry waited")


def _is_written(before: State, now: State, *, previous: State) -> bool:
    """Whether an attempt has written the state; raises PlanError if it is not the state of the plan."""
    if (now.lineage, now.serial) == (before.lineage, before.serial):
        if now.objects != previous.objects:
            raise PlanError("the state is not the one that the plan was made on")
        return False
    if before.lineage and now.lineage != before.lineage:
        raise PlanError("the state has been replaced: its lineage is not that of the plan")
    if now.serial < before.serial:
        raise PlanError("the state has been rolled back: its serial is lower than that of the plan")
    return True


def _data_deletions(
    planned: PlannedChanges, listed: Mapping[ChangeKey, Entry], approved: Mapping[str, Any]
) -> list[ObjectKey]:
    """Return the data sources that the plan removes from the state: `show` does not list them.

    Raises PlanError if the plan file and `show` list different changes (terraform's internal/command/jsonplan).
    """
    known = addresses(approved)
    unlisted = {key: action for key, action in planned.actions.items() if key not in listed}
    found = [known.get(key.address) for key, action in unlisted.items() if action == "delete"]
    deletions = [each for each in found if each and each.mode == "data"]
    if len(deletions) < len(unlisted) or any(planned.actions.get(key) != listed[key].action for key in listed):
        raise PlanError("terraform and tfretry read the plan file differently")
    return deletions

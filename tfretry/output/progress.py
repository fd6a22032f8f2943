"""Terraform's progress: the changes that are complete, and how long the others have been going on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from tfretry.output.json_messages import message
from tfretry.output.lines import Lines, clean
from tfretry.terraform.messages import (
    APPLY,
    APPLY_COMPLETE,
    APPLY_ERRORED,
    APPLY_PROGRESS,
    APPLY_START,
    CHANGE,
    CREATE,
    DESTROY,
    ELAPSED,
    MODIFY,
    PROVISION_START,
    PROVISIONING,
    STILL,
)

# Terraform never works on more addresses at once.
ELAPSED_KEPT = 1000
LONGEST_S = 10**9

NEEDLES = (  # see Lines
    (b"C", CREATE),
    (b"D", DESTROY),
    (b"M", MODIFY),
    (b"P", PROVISIONING),
    (b"@", f'"{APPLY}'.encode()),
    (b"@", f'"{PROVISION_START}"'.encode()),
    (b"E", b"Error: "),
    (b"W", b"Warning: "),
)
# Bytes kept of a line with STILL, and of the address in it.
STILL_LIMIT = 4096
NAME_LIMIT = 1024
BEGINNINGS = {"Creat": "create", "Modify": "update", "Destroy": "delete"}
ACTIONS = {"Creation": "create", "Modifications": "update", "Destruction": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A change that terraform reports as complete; *action* is `create`, `update` or `delete`, as in a plan's JSON."""

    action: str
    address: str
    deposed: str | None  # the key of the deposed object that was changed


class ProgressReader:
    """Read the progress in one byte stream.

    *begun*: a change has begun. *destroy_provisioned*: the addresses where a destroy-time provisioner has begun.
    *elapsed_s*: for each address the last duration that terraform reported, in seconds, once the stream has ended.
    """

    def __init__(self) -> None:
        self.finished: list[Completion] = []
        self.destroy_provisioned: set[str] = set()
        self.elapsed_s: dict[str, int] = {}
        self.begun = False
        self._still: dict[bytes, bytes] = {}
        self._updating: set[str] = set()
        self._destroying: set[str] = set()
        self._ended = False
        self._lines = Lines(NEEDLES, self._read, skim=self._skim)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk)

    def close(self) -> None:
        """Treat the end of the stream as the end of its last line."""
        self._lines.close()
        for line in self._still.values():
            if found := ELAPSED.match(clean(line).rstrip()):
                hours, minutes, seconds = (int(found[unit] or 0) for unit in ("hours", "minutes", "seconds"))
                self._note_elapsed(found["address"], hours * 3600 + minutes * 60 + seconds)

    @property
    def unfinished_updates(self) -> set[str]:
        """The addresses of updates that have begun and have not been reported as complete."""
        return self._updating - {change.address for change in self.finished if change.action == "update"}

    def _read(self, line: bytes) -> bool:
        if line.startswith(b"{"):
            self._read_message(message(line))
        elif not self._ended:
            self._read_text(clean(line))
        return False

    def _read_text(self, line: str) -> None:
        found = CHANGE.match(line)
        if found is None:
            # Terraform prints its diagnostics after all progress. Without colour their text stands at the margin, and
            # may read like reports of changes. Warnings of the plan come before a change has begun.
            self._ended = line.startswith("Error: ") or (self.begun and line.startswith("Warning: "))
            return
        address, deposed, begun, completed = found.groups()
        if completed:
            self._finish(ACTIONS[completed], address, deposed)
        elif begun:
            self.begun = True  # "Plan: …" proves nothing: a plan that fails half-way has that line, too
            self._begin(BEGINNINGS[begun], address)
        else:
            self._provision(address)

    def _skim(self, lines: bytes, start: int, end: int) -> None:
        """Keep the last line with STILL of each address: one comes every ten seconds, and only the last is parsed."""
        at = lines.find(STILL, start, end)
        while at >= 0:
            line_start = lines.rfind(b"\n", start, at) + 1 or start
            line_end = lines.find(b"\n", at, end)
            line_end = end if line_end < 0 else line_end
            name = lines[line_start : min(at, line_start + NAME_LIMIT)]
            self._still[name] = lines[line_start : min(line_end, line_start + STILL_LIMIT)]
            at = lines.find(STILL, line_end, end)
        if len(self._still) > ELAPSED_KEPT:
            self._still = dict(islice(self._still.items(), ELAPSED_KEPT))

    def _read_message(self, body: Any) -> None:
        hook, type_ = body.get("hook"), body.get("type")
        resource = hook.get("resource") if isinstance(hook, dict) else None
        address = resource.get("addr") if isinstance(resource, dict) else None
        if not isinstance(address, str):
            return
        self.begun = self.begun or str(type_).startswith(APPLY)
        if type_ == APPLY_START:
            self._begin(hook.get("action"), address)
        if type_ == PROVISION_START:
            self._provision(address)
        if type_ == APPLY_COMPLETE and hook.get("action") in ACTIONS.values():
            self._finish(hook["action"], address, None)
        seconds = hook.get("elapsed_seconds")
        if type_ in (APPLY_PROGRESS, APPLY_ERRORED) and isinstance(seconds, (int, float)):
            self._note_elapsed(address, seconds if 0 <= seconds < LONGEST_S else 0)  # Python's JSON accepts NaN

    def _begin(self, action: str, address: str) -> None:
        if action == "update":
            self._updating.add(address)
        if action == "delete":
            self._destroying.add(address)
        else:
            self._destroying.discard(address)

    def _provision(self, address: str) -> None:
        if address in self._destroying:
            self.destroy_provisioned.add(address)

    def _finish(self, action: str, address: str, deposed: str | None) -> None:
        self._destroying.discard(address)
        self.finished.append(Completion(action=action, address=address, deposed=deposed))

    def _note_elapsed(self, address: str, seconds: float) -> None:
        if address in self.elapsed_s or len(self.elapsed_s) < ELAPSED_KEPT:
            self.elapsed_s[address] = int(seconds)

"""Terraform's progress: the changes that are complete, and how long the others have been going on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tfretry.output.json_messages import message
from tfretry.output.lines import Lines, clean
from tfretry.terraform import messages

# Terraform never works on more addresses at once.
ELAPSED_KEPT = 1000
LONGEST_S = 10**9

NEEDLES = (  # see Lines
    (b"C", messages.CREATE),
    (b"D", messages.DESTROY),
    (b"M", messages.MODIFY),
    (b"P", messages.PROVISIONING),
    (b"@", f'"{messages.APPLY}'.encode()),
    (b"@", f'"{messages.PROVISION_START}"'.encode()),
    (b"E", messages.ERROR.encode()),
    (b"W", messages.WARNING.encode()),
    *((level[:1].encode(), f" [{level}]".encode()) for level in messages.LOG_LEVELS),
)
# Bytes kept of a line with "Still …", and of the address in it.
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
    """Read the progress in terraform's stdout.

    Other text may look like a report of terraform. So a completion counts only after its beginning, in one format (text
    or JSON), and before any diagnostic or log line. *begun*: a change has begun. *is_text*: its reports are text.
    *is_cut*: a line of TF_LOG ended the reports. *destroy_provisioned*: the addresses where a destroy-time provisioner
    has begun. *elapsed_s*: for each address the last duration reported, in seconds, complete after `close`.
    """

    def __init__(self) -> None:
        self.finished: list[Completion] = []
        self.destroy_provisioned: set[str] = set()
        self.elapsed_s: dict[str, int] = {}
        self.begun = False
        self.is_text = False
        self.is_cut = False
        self._is_json = False
        self._ended = False
        self._unfinished: defaultdict[tuple[str, str], int] = defaultdict(int)  # begun changes, by action and address
        self._finished_once: set[Completion] = set()
        self._still: dict[bytes, bytes] = {}
        self._lines = Lines(NEEDLES, self._read, skim=self._skim)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk)

    def close(self) -> None:
        """Treat the end of the stream as the end of its last line."""
        self._lines.close()
        for line in self._still.values():
            if found := messages.ELAPSED.match(clean(line).rstrip()):
                hours, minutes, seconds = (int(found[unit] or 0) for unit in ("hours", "minutes", "seconds"))
                self._note_elapsed(found["address"], hours * 3600 + minutes * 60 + seconds)

    @property
    def update_failed(self) -> bool:
        """Whether an update has begun and was not reported as complete; True where that is unknown."""
        return self.is_cut or bool(self.unfinished_updates)

    @property
    def unfinished_updates(self) -> set[str]:
        """The addresses of updates that have begun and were not reported as complete."""
        return {address for (action, address), count in self._unfinished.items() if action == "update" and count}

    def _read(self, line: bytes) -> bool:
        if self._ended:
            return False
        if line.startswith(b"{"):
            self._read_message(message(line))
            return False
        text = clean(line)
        if found := messages.CHANGE.match(text):
            if not self._is_json:
                self._read_change(*found.groups())
            return False
        # Terraform prints its diagnostics after all progress, and without colour their text stands at the margin.
        # Warnings of the plan come before a change has begun. A log quotes anything, over several lines.
        self.is_cut = messages.LOG_LINE.match(text) is not None
        is_warning = self.begun and text.startswith(messages.WARNING)
        self._ended = self.is_cut or is_warning or text.startswith(messages.ERROR)
        if self._ended:
            self._lines.stop()
        return False

    def _read_change(self, address: str, deposed: str | None, begun: str | None, completed: str | None) -> None:
        if completed:
            self._finish(ACTIONS[completed], address, deposed)
        elif begun:
            self.begun = self.is_text = True  # "Plan: …" proves nothing: a plan that fails half-way has that line, too
            self._begin(BEGINNINGS[begun], address)
        else:
            self._provision(address)

    def _skim(self, lines: bytes, start: int, end: int) -> None:
        """Keep the last "Still …" of each address: one comes every ten seconds, and only the last is parsed."""
        if lines.find(messages.STILL, start, end) < 0:
            return
        latest: dict[bytes, bytes] = {}
        for line in dict.fromkeys(reversed(lines[start:end].split(b"\n"))):  # a line that is repeated tells nothing new
            at = line.find(messages.STILL)
            if at >= 0:
                name = line[: min(at, NAME_LIMIT)]
                latest.setdefault(name, line[:STILL_LIMIT])
        self._still.update(latest)
        if len(self._still) > ELAPSED_KEPT:
            self._still = dict(islice(self._still.items(), ELAPSED_KEPT))

    def _read_message(self, body: Any) -> None:
        hook, type_ = body.get("hook"), body.get("type")
        resource = hook.get("resource") if isinstance(hook, dict) else None
        address = resource.get("addr") if isinstance(resource, dict) else None
        if not isinstance(address, str) or self.is_text:
            return
        self._is_json = self._is_json or type_ == messages.APPLY_START
        self.begun = self.begun or str(type_).startswith(messages.APPLY)
        if type_ == messages.APPLY_START:
            self._begin(hook.get("action"), address)
        if type_ == messages.PROVISION_START:
            self._provision(address)
        if type_ == messages.APPLY_COMPLETE and hook.get("action") in ACTIONS.values():
            self._finish(hook["action"], address, None)
        seconds = hook.get("elapsed_seconds")
        if type_ in (messages.APPLY_PROGRESS, messages.APPLY_ERRORED) and isinstance(seconds, (int, float)):
            self._note_elapsed(address, seconds if 0 <= seconds < LONGEST_S else 0)  # Python's JSON accepts NaN

    def _begin(self, action: str, address: str) -> None:
        self._unfinished[action, address] += 1

    def _provision(self, address: str) -> None:
        if self._unfinished.get(("delete", address), 0) > 0:
            self.destroy_provisioned.add(address)

    def _finish(self, action: str, address: str, deposed: str | None) -> None:
        change = action, address
        if self._unfinished.get(change, 0) < 1:
            return
        self._unfinished[change] -= 1
        completion = Completion(action=action, address=address, deposed=deposed)
        # Several objects of one address may be deleted; other repetitions tell nothing, and memory is bounded.
        if action == "delete" or completion not in self._finished_once:
            self.finished.append(completion)
            self._finished_once.add(completion)

    def _note_elapsed(self, address: str, seconds: float) -> None:
        if address in self.elapsed_s or len(self.elapsed_s) < ELAPSED_KEPT:
            self.elapsed_s[address] = int(seconds)

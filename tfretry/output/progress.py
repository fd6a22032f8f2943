"""Terraform's progress: the changes that are complete, and how long the others have been going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

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
# The action in a plan's JSON, by the word in terraform's report.
ACTION_OF = {"Creat": "create", "Modify": "update", "Destroy": "delete"}
ACTION_OF |= {"Creation": "create", "Modifications": "update", "Destruction": "delete"}


class ReportedChange(NamedTuple):
    """A change that terraform reports, first as begun, then as complete; *action* is that in a plan's JSON."""

    action: str
    address: str


@dataclass(slots=True, kw_only=True)
class Progress:
    """The changes that one run of terraform has reported.

    *begun*: it has begun a change, and so has saved what the refresh found. *is_text*: its reports are text, so an id
    with a line break in it can look like one. *is_cut*: a line of TF_LOG ended the reports; later ones are not known.
    """

    begun: bool = False
    is_text: bool = False
    is_cut: bool = False
    finished: list[ReportedChange] = field(default_factory=list)
    unfinished: Counter[ReportedChange] = field(default_factory=Counter)  # changes that have begun
    destroy_provisioned: set[str] = field(default_factory=set)  # addresses where a destroy-time provisioner has begun
    elapsed_s: dict[str, int] = field(default_factory=dict)  # by address: the last duration reported

    @property
    def update_failed(self) -> bool:
        """Whether an update has begun and was not reported as complete; True where that is unknown."""
        return self.is_cut or any(count and change.action == "update" for change, count in self.unfinished.items())

    def longest_s(self, addresses: Collection[str | None]) -> float:
        """Return the duration of the longest change among those at *addresses*."""
        return max((float(self.elapsed_s.get(address or "", 0)) for address in addresses), default=0.0)


class ProgressReader:
    """Read the *progress* in terraform's stdout; complete after `close`.

    Other text may look like a report of terraform. So a completion counts only after its beginning, in one format (text
    or JSON), and before any diagnostic or log line.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self._is_json = False
        self._ended = False
        self._finished_once: set[ReportedChange] = set()
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
        self.progress.is_cut = messages.LOG_LINE.match(text) is not None
        is_warning = self.progress.begun and text.startswith(messages.WARNING)
        self._ended = self.progress.is_cut or is_warning or text.startswith(messages.ERROR)
        if self._ended:
            self._lines.stop()
        return False

    def _read_change(self, address: str, begun: str | None, completed: str | None) -> None:
        if completed:
            self._finish(ReportedChange(action=ACTION_OF[completed], address=address))
        elif begun:
            # "Plan: …" proves nothing: a plan that fails half-way has that line, too.
            self.progress.begun = self.progress.is_text = True
            self.progress.unfinished[ReportedChange(action=ACTION_OF[begun], address=address)] += 1
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
        if not isinstance(address, str) or self.progress.is_text:
            return
        self._is_json = self._is_json or type_ == messages.APPLY_START
        self.progress.begun = self.progress.begun or str(type_).startswith(messages.APPLY)
        change = ReportedChange(action=str(hook.get("action")), address=address)
        if type_ == messages.APPLY_START:
            self.progress.unfinished[change] += 1
        if type_ == messages.PROVISION_START:
            self._provision(address)
        if type_ == messages.APPLY_COMPLETE and change.action in ACTION_OF.values():
            self._finish(change)
        seconds = hook.get("elapsed_seconds")
        if type_ in (messages.APPLY_PROGRESS, messages.APPLY_ERRORED) and isinstance(seconds, (int, float)):
            self._note_elapsed(address, seconds if 0 <= seconds < LONGEST_S else 0)  # Python's JSON accepts NaN

    def _provision(self, address: str) -> None:
        if self.progress.unfinished[ReportedChange(action="delete", address=address)]:
            self.progress.destroy_provisioned.add(address)

    def _finish(self, change: ReportedChange) -> None:
        if not self.progress.unfinished[change]:
            return
        self.progress.unfinished[change] -= 1
        # Several objects of one address may be deleted; other repetitions tell nothing, and memory is bounded.
        if change.action == "delete" or change not in self._finished_once:
            self.progress.finished.append(change)
            self._finished_once.add(change)

    def _note_elapsed(self, address: str, seconds: float) -> None:
        elapsed_s = self.progress.elapsed_s
        if address in elapsed_s or len(elapsed_s) < ELAPSED_KEPT:
            elapsed_s[address] = int(seconds)

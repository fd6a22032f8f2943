"""What terraform says of its progress: the changes that are finished, and how long the others have been going on."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tfretry.output.diagnostic import ADDRESS
from tfretry.output.json_messages import message
from tfretry.output.lines import BATCH, Lines, clean

# More addresses than terraform ever works on at once.
WAITS_KEPT = 1000
LONGEST_S = 10**9

NEEDLES = (
    (b"C", b": Creating..."),
    (b"D", b": Destroying..."),
    (b"M", b": Modif"),
    (b"@", b'"apply_progress"'),
    (b"@", b'"apply_errored"'),
    (b"@", b'"action":"update"'),
    (b"E", b"Error:"),
    (b"W", b"Warning:"),
)
# Each resource has such a line: they are read only where somebody needs to know what is finished.
NEEDLES_OF_CHANGES = (
    (b"C", b": Creation complete"),
    (b"D", b": Destruction complete"),
    (b"P", b": Provisioning with '"),
    (b"@", b'"apply_complete"'),
    (b"@", b'"apply_start"'),
    (b"@", b'"provision_start"'),
    *((b"[", b" [%s" % level) for level in (b"TRACE]", b"DEBUG]", b"INFO]", b"WARN]", b"ERROR]")),
)
LOG = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\S+ +\[(?:TRACE|DEBUG|INFO|WARN|ERROR)\]")
FINISHED = re.compile(
    rf"(?P<address>{ADDRESS})(?: \(deposed object (?P<deposed>\w+)\))?: "
    r"(?P<what>Creation|Modifications|Destruction) complete after "
)
STILL = b": Still "
# A long apply says this of every resource every ten seconds: only the last of each is parsed, at the end. In bytes:
NAME_LIMIT = 1024
STILL_LIMIT = 4096
# "[10s elapsed]", "[id=i-1, 2m10s elapsed]", since 1.12 "[02m10s elapsed]", in 0.11 "(ID: i-1, 10s elapsed)".
GOING_ON = re.compile(
    rf"(?P<address>{ADDRESS})(?: \(deposed object \w+\))?: Still \w+\.\.\. [\[(](?:.*, )?"
    r"(?:(?P<hours>\d{1,9})h)?(?:(?P<minutes>\d{1,9})m)?(?P<seconds>\d{1,9})s elapsed[\])]$"
)
BEGUN = re.compile(rf"(?P<address>{ADDRESS})(?: \(deposed object \w+\))?: (?P<what>Creat|Modify|Destroy)ing\.\.\.")
PROVISIONING = re.compile(rf"(?P<address>{ADDRESS}): Provisioning with '")
BEGINNINGS = {"Creat": "create", "Modify": "update", "Destroy": "delete"}
ACTIONS = {"Creation": "create", "Modifications": "update", "Destruction": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A change that terraform reports as complete; *action* is `create`, `update` or `delete`, as in a plan's JSON."""

    action: str
    address: str
    deposed: str | None  # the key of the deposed object that it was made to


class ProgressReader:
    """Reads the progress of terraform's stdout; *longest* is in seconds.

    *begun* says whether any change was. Without *changes*, only updates are among the *finished*. What is no report of
    terraform's may look like one: so a completion counts only after its beginning, in one form, text or JSON, and none
    behind a diagnostic or a line of TF_LOG; *is_cut* says that there was such a line.
    """

    def __init__(self, *, changes: bool = True, batch: int = BATCH) -> None:
        self.finished: list[Completion] = []
        self.destroy_provisioned: set[str] = set()
        self.longest: dict[str, int] = {}
        self.begun = False
        self.is_text = False
        self.is_cut = False
        self._is_json = False
        self._open: Counter[tuple[str, str]] = Counter()  # what has begun, and is not complete
        self._going_on: dict[bytes, bytes] = {}
        self._ended = False
        needles = (*NEEDLES, *NEEDLES_OF_CHANGES) if changes else NEEDLES
        self._lines = Lines(needles, self._read, skim=self._skim, batch=batch)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._lines.feed(chunk)

    def close(self) -> None:
        """Take the end of the stream for the end of its last line."""
        self._lines.close()
        for line in self._going_on.values():
            if found := GOING_ON.match(clean(line).rstrip()):
                hours, minutes, seconds = (int(found[unit] or 0) for unit in ("hours", "minutes", "seconds"))
                self._wait(found["address"], hours * 3600 + minutes * 60 + seconds)

    @property
    def update_failed(self) -> bool:
        """Whether an update has begun, and not ended well so far, as far as that is known."""
        return self.is_cut or bool(self.unfinished_updates)

    @property
    def unfinished_updates(self) -> set[str]:
        """The addresses of updates that have begun, and not ended well so far."""
        return {address for (action, address), count in self._open.items() if action == "update" and count}

    def _read(self, line: bytes) -> bool:
        if self._ended:
            return False
        if line.startswith(b"{"):
            self._read_message(message(line))
            return False
        text = clean(line).rstrip()
        # Diagnostics come after all progress, and without colour their text stands at the margin. Those of the plan
        # come before a change has begun. A log quotes anything, over several lines.
        self.is_cut = self.is_cut or LOG.match(text) is not None
        self._ended = self.is_cut or text.startswith("Error:") or (self.begun and text.startswith("Warning:"))
        if not self._ended and not self._is_json:
            self._read_text(text)
        return False

    def _read_text(self, text: str) -> None:
        if found := FINISHED.match(text):
            self._finish(ACTIONS[found["what"]], found["address"], found["deposed"])
        elif found := BEGUN.match(text):
            self.begun = self.is_text = True  # not "Plan: …": a plan that fails half-way has that line, too
            self._begin(BEGINNINGS[found["what"]], found["address"])
        elif found := PROVISIONING.match(text):
            self._provision(found["address"])

    def _skim(self, lines: bytes, start: int, end: int) -> None:
        at = lines.find(STILL, start, end)
        while at >= 0:
            begin = lines.rfind(b"\n", start, at) + 1 or start
            stop = lines.find(b"\n", at, end)
            stop = end if stop < 0 else stop
            self._going_on[lines[begin : min(at, begin + NAME_LIMIT)]] = lines[begin : min(stop, begin + STILL_LIMIT)]
            at = lines.find(STILL, stop, end)
        if len(self._going_on) > WAITS_KEPT:
            self._going_on = dict(islice(self._going_on.items(), WAITS_KEPT))

    def _read_message(self, body: Any) -> None:
        hook = body.get("hook")
        resource = hook.get("resource") if isinstance(hook, dict) else None
        address = resource.get("addr") if isinstance(resource, dict) else None
        if not isinstance(address, str) or self.is_text:
            return
        self._is_json = self._is_json or body.get("type") == "apply_start"
        self.begun = self.begun or str(body.get("type")).startswith("apply_")
        if body.get("type") == "apply_start":
            self._begin(hook.get("action"), address)
        if body.get("type") == "provision_start":
            self._provision(address)
        if body.get("type") == "apply_complete" and hook.get("action") in ACTIONS.values():
            self._finish(hook["action"], address, None)
        seconds = hook.get("elapsed_seconds")
        if body.get("type") in ("apply_progress", "apply_errored") and isinstance(seconds, (int, float)):
            self._wait(address, seconds if 0 <= seconds < LONGEST_S else 0)  # JSON of Python's kind knows NaN

    def _begin(self, action: str, address: str) -> None:
        self._open[action, address] += 1

    def _provision(self, address: str) -> None:
        if self._open["delete", address] > 0:
            self.destroy_provisioned.add(address)

    def _finish(self, action: str, address: str, deposed: str | None) -> None:
        if self._open[action, address] < 1:
            return
        self._open[action, address] -= 1
        self.finished.append(Completion(action=action, address=address, deposed=deposed))

    def _wait(self, address: str, seconds: float) -> None:
        if address in self.longest or len(self.longest) < WAITS_KEPT:
            self.longest[address] = int(seconds)

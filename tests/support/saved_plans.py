"""Helpers for tests of saved plans: resources, checks, and a terraform that is a script of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

CREATE_FIRST = "lifecycle {\n    create_before_destroy = true\n  }"
PULL, SHOW = "state pull", "show"  # terraform's commands between two applies, as `wrap` names them


def service(label, *lines, name=None, type_="sim_service"):
    """Return a resource; the name of its object is *name*, or that of the resource."""
    arguments = "".join(f"  {line}\n" for line in (f'name = "{name or label}"', *lines))
    return f'resource "{type_}" "{label}" {{\n{arguments}}}\n'


def fact(label, name=None, *lines):
    """Return a data source."""
    arguments = "".join(f"  {line}\n" for line in (f'name = "{name or label}"', *lines))
    return f'data "sim_fact" "{label}" {{\n{arguments}}}\n'


def refused(done, *words):
    """Check for the exit code of the failed apply, and a message that contains all *words*."""
    is_explained = "not continued: " in done.stderr and all(word in done.stderr for word in words)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert is_explained, done.stderr
    return True


def succeeded(done):
    """Check for exit code 0; if it is another, show all output."""
    assert done.returncode == 0, done.stdout + done.stderr
    return True


class Wrapper:
    """A `terraform` that is a script of a test: it logs its calls, and runs given commands at some of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "wrapper"
        self._log = folder / "wrapped"
        self.write("")

    def write(self, script, *, run='exec terraform "$@"'):
        """Let *script* run before each terraform: `$call` is `apply`, `state pull`, `show`…, `$n` counts its calls."""
        self.path.write_text(
            f"""#!/bin/sh
call=
for word; do
  case $word in -*) ;; state) call=state ;; *) call="${{call:+$call }}$word"; break ;; esac
done
echo "$call" >>'{self._log}'
n=$(grep -c -x "$call" '{self._log}')
{script}
{run}
"""
        )
        self.path.chmod(0o755)

    def at(self, call, script, *, number=1):
        """Let *script* run before the call of that *number*."""
        self.write(f'if [ "$call $n" = "{call} {number}" ]; then\n{script}\nfi')

    @property
    def calls(self):
        """The calls of terraform, in order."""
        return self._log.read_text().splitlines() if self._log.exists() else []


class Version(tuple):  # noqa: SLOT001 — it has a member of its own
    """A version of terraform or OpenTofu: `(1, 11, 4)`."""

    is_opentofu = False

    def needs(self, *terraform, opentofu=None):
        """Skip the test if this version is older; without *opentofu*, only terraform has the feature."""
        oldest = opentofu if self.is_opentofu else terraform
        name = "OpenTofu" if self.is_opentofu else "terraform"
        if oldest is None or self < tuple(oldest):
            needed = "a feature of terraform alone" if oldest is None else f"{name} {'.'.join(map(str, oldest))}"
            pytest.skip(f"it needs {needed}; this is {name} {'.'.join(map(str, self))}")

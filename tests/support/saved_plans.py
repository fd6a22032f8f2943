"""What tests of saved plans share: resources in a line, verdicts, and a terraform that is a script of a test."""

from __future__ import annotations

from pathlib import Path

import pytest

CREATE_FIRST = "lifecycle {\n    create_before_destroy = true\n  }"
PULL, SHOW = "state pull", "show"  # terraform's commands between two applies, as `wrap` names them


def service(label, *lines, name=None, type_="sim_service"):
    """A resource; its object is called *name*, else as the resource is."""
    arguments = "".join(f"  {line}\n" for line in (f'name = "{name or label}"', *lines))
    return f'resource "{type_}" "{label}" {{\n{arguments}}}\n'


def fact(label, name=None, *lines):
    """A data source."""
    arguments = "".join(f"  {line}\n" for line in (f'name = "{name or label}"', *lines))
    return f'data "sim_fact" "{label}" {{\n{arguments}}}\n'


def refused(done, *words):
    """The failed apply's exit code, and a sentence that says all *words*."""
    says_all = "not continued: " in done.stderr and all(word in done.stderr for word in words)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert says_all, done.stderr
    return True


def succeeded(done):
    """Exit code 0, else all that was said."""
    assert done.returncode == 0, done.stdout + done.stderr
    return True


class Wrapper:
    """A `terraform` that is a script of a test: how it was called, and what it does at which call."""

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
        """What terraform was asked, in order."""
        return self._log.read_text().splitlines() if self._log.exists() else []


class Version(tuple):  # noqa: SLOT001 — it has a member of its own
    """A version of terraform or OpenTofu: `(1, 11, 4)`."""

    is_opentofu = False

    def needs(self, *terraform, opentofu=None):
        """Skip the test, with a reason, where this version has not got what it is about."""
        least = opentofu if self.is_opentofu else terraform
        name = "OpenTofu" if self.is_opentofu else "terraform"
        if least is None or self < tuple(least):
            needed = "what only terraform has" if least is None else f"{name} {'.'.join(map(str, least))}"
            pytest.skip(f"it needs {needed}; this is {name} {'.'.join(map(str, self))}")

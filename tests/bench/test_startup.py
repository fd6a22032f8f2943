from __future__ import annotations

import re
import subprocess
import sys

import pytest
from benching import circumstances, installed, medians, milliseconds, show, with_target
from terraform_output import TFRETRY

pytestmark = pytest.mark.bench

NOT_FOR_PASS_THROUGH = {"sh", "tenacity", "structlog", "importlib.metadata", "dataclasses", "logging", "re", "typing"}
ONLY_AFTER_A_FAILURE = {"tenacity", "structlog"}
ROUNDS = 31
IMPORT = re.compile(rb"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


@pytest.fixture(autouse=True)
def as_installed(monkeypatch):
    installed(monkeypatch)


def timed(*argv):
    def run():
        options = {"stdin": subprocess.DEVNULL, "capture_output": True}
        assert subprocess.run(argv, check=False, **options).returncode == 0

    run()
    return lambda: milliseconds(run)


def imported(*argv):
    """The modules that a run of tfretry imports, with their microseconds."""
    command = [sys.executable, "-S", "-X", "importtime", *TFRETRY[1:], *argv]
    # Without site, whose hooks (editable installs, coverage) import things of their own.
    paths = [path for path in sys.path if path]
    log = subprocess.run(command, capture_output=True, check=True, env={"PYTHONPATH": ":".join(paths)}).stderr
    return {name.decode(): int(microseconds) for microseconds, name in IMPORT.findall(log)}


def compared(bare, ours, *, what, target_ms, beside):
    found = medians({"bare": bare, "ours": ours, "beside": timed(*beside[1])}, rounds=ROUNDS)
    added = found["ours"] - found["bare"]
    show(
        f"{what}: {found['bare']:.1f} ms bare, {found['ours']:.1f} ms with tfretry "
        f"({found['ours'] / found['bare']:.2f} times); added {added:.1f} ms, "
        f"{with_target(added, at_most=target_ms, unit=' ms')}; {beside[0]} alone takes {found['beside']:.1f} ms"
    )


def test_a_command_that_is_not_retried_starts_at_once(fake_terraform, real_terraform):
    """`version` over terraform's own start: a shell script of one line, and the real one."""
    fake = str(fake_terraform("exit 0"))
    show(circumstances())
    for what, binary in (
        ("pass-through, trivial terraform", fake),
        ("pass-through, terraform version", real_terraform),
    ):
        compared(
            timed(binary, "version"),
            timed(*TFRETRY, "--terraform", binary, "version"),
            what=what,
            target_ms=25,
            beside=("python -c pass", (sys.executable, "-c", "pass")),
        )


@pytest.mark.parametrize(
    ("command", "needed", "excluded"),
    [("version", "tfretry.cli", NOT_FOR_PASS_THROUGH), ("apply", "sh", ONLY_AFTER_A_FAILURE)],
)
def test_no_library_is_imported_before_it_is_needed(fake_terraform, command, needed, excluded):
    """By -X importtime: a pass-through needs none, and a successful apply not those of a retry."""
    found = imported("--terraform", str(fake_terraform("exit 0")), command)
    assert needed in found
    assert not found.keys() & excluded
    ours = sum(spent for name, spent in found.items() if name.startswith("tfretry"))
    show(
        f"{command} imports {len(found)} modules in {sum(found.values()) / 1000:.0f} ms, ours in {ours / 1000:.1f} ms "
        "of it"
    )


def test_an_apply_that_works_starts_soon(fake_terraform):
    """The whole cost of tfretry, from its start to its end, over a terraform that ends at once."""
    fake = str(fake_terraform("exit 0"))
    compared(
        timed(fake, "apply"),
        timed(*TFRETRY, "--terraform", fake, "apply"),
        what="apply, trivial terraform",
        target_ms=130,
        beside=("python -c 'import sh'", (sys.executable, "-c", "import sh")),
    )

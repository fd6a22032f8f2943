"""The cost of continuing a saved plan, beside that of a new plan for the rest."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from benching import circumstances, installed, show
from terraform_output import TFRETRY

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
pytest_plugins = ["provider_fixture"]

SIZES = (1000, 5000)
MANY_AND_LATE = """
resource "terraform_data" "many" {{
  count = {size}
  input = "value ${{count.index}}"
}}
resource "sim_service" "late" {{
  name = "late"
}}
"""


def seconds(sim, *command):
    began = time.perf_counter()
    done = subprocess.run(command, cwd=sim.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


@pytest.mark.parametrize("size", SIZES)
def test_the_rest_of_a_saved_plan_costs_less_than_a_new_plan(sim, monkeypatch, tmp_path, size):
    """Of so many creations one is left: from the end of the first attempt to the start of the second."""
    installed(monkeypatch)
    sim.write(MANY_AND_LATE.format(size=size))
    sim.plan("tfplan")
    sim.fail("create", "late", attempts=1)
    report = tmp_path / "report.json"
    waits = ("--first-wait=10ms", "--longest-wait=10ms", f"--report={report}")
    seconds(sim, *TFRETRY, *waits, "apply", "tfplan")
    first, second = json.loads(report.read_text())["attempts"]
    sim.write(MANY_AND_LATE.format(size=size).replace('"late"\n', '"other"\n'))
    planned_s = seconds(sim, "terraform", "plan", "-refresh=false", "-out=new")
    shown_s = seconds(sim, "terraform", "show", "-json", "new") + seconds(sim, "terraform", "show", "-json", "tfplan")
    proved_s = second["waited_s"]
    show(circumstances())
    show(
        f"{size} changes, one left: proved in {proved_s:.1f} s, applied in {second['duration_s']:.1f} s (the first "
        f"attempt took {first['duration_s']:.1f} s); a plan without refresh and two `show` take "
        f"{planned_s + shown_s:.1f} s: {proved_s / (planned_s + shown_s):.2f} of it"
    )

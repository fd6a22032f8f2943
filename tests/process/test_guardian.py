from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
from harness import Stage, wait_until

EVERYWHERE = (0, 1, 2)
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture(params=[(), EVERYWHERE], ids=["pipe", "terminal"])
def terminal(request):
    return request.param


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
@pytest.mark.parametrize("fake", ["chatter linger=0.5", "silent linger=0.5"])
def test_terraform_outlives_our_sudden_death(stage, terminal, fake, own):
    """It writes into no closed pipe, is asked to stop once, and comes to its end."""
    program = stage.drive(*own, terminal=terminal, fake=fake)
    stage.wait_for("ready")
    os.kill(program.pid, KILL)
    assert program.wait() == -KILL
    stage.wait_for("ended")
    assert stage.signals() == ["SIGTERM"]
    assert stage.nothing_is_left()


@pytest.mark.parametrize("everyone", [False, True])
def test_an_interrupted_terraform_is_not_interrupted_again(stage, terminal, everyone):
    """The guardian knows that terraform has been told already."""
    program = stage.drive(terminal=terminal, fake="chatter linger=1.5")
    stage.wait_for("ready")
    for pid in stage.processes() if everyone else [program.pid]:
        os.kill(pid, TERM)
    stage.wait_for("signal")
    time.sleep(0.6)  # by now the witnesses have been heard
    os.kill(program.pid, KILL)
    stage.wait_for("ended")
    assert stage.signals() == ["SIGTERM"]
    assert stage.nothing_is_left()


@pytest.mark.slow
def test_the_guardian_holds_nothing_of_our_callers(stage):
    """Whoever reads our output sees its end when we end, even if terraform still finishes."""
    program = stage.drive(fake="chatter linger=3")
    stage.wait_for("ready")
    os.kill(program.pid, KILL)
    wait_until(program.ends_output, what="both pipes end", deadline_s=2)
    assert not stage.events("ended")
    stage.wait_for("ended")


@pytest.mark.slow
def test_whenever_we_are_killed_nothing_is_left(tmp_path):
    """No orphan, at most one SIGTERM."""
    dice = random.Random(7)
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        stage = Stage(folder)
        own = dice.choice([(), ("--quietly", folder / "out")])
        program = stage.drive(*own, terminal=dice.choice([(), EVERYWHERE]), fake="last=0.1 linger=0.05")
        time.sleep(dice.uniform(0, 0.4))
        os.kill(program.pid, KILL)
        assert stage.nothing_is_left()
        assert stage.signals() in ([], ["SIGTERM"])
        stage.close()


def test_real_terraform_keeps_its_state_when_we_are_killed(stage, real_terraform, terminal):
    """What was created is in the state, and the lock is gone."""
    (stage.folder / "main.tf").write_text(
        """
        resource "terraform_data" "first" {}
        resource "terraform_data" "second" {
          depends_on = [terraform_data.first]
          provisioner "local-exec" { command = "echo started; touch started; sleep 2; echo finished" }
        }
        """
    )
    program = stage.drive(
        terraform=[real_terraform], arguments=["apply", "-auto-approve"], terminal=terminal, cwd=stage.folder
    )
    wait_until((stage.folder / "started").exists, what="the apply is in its middle")
    os.kill(program.pid, KILL)
    assert stage.nothing_is_left()
    state = json.loads((stage.folder / "terraform.tfstate").read_text())
    assert {resource["name"] for resource in state["resources"]} == {"first", "second"}
    assert not (stage.folder / ".terraform.tfstate.lock.info").exists()

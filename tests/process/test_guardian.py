from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

import pytest
from harness import HERE, Sandbox, wait_until

EVERYWHERE = (0, 1, 2)
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


@pytest.fixture(params=[(), EVERYWHERE], ids=["pipe", "terminal"])
def terminal(request):
    return request.param


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
@pytest.mark.parametrize("fake", ["chatter linger=0.5", "silent linger=0.5"])
def test_terraform_outlives_our_sudden_death(sandbox, terminal, fake, own):
    """It writes into no closed pipe, is asked to stop once, and comes to its end."""
    program = sandbox.drive(*own, terminal=terminal, fake=fake)
    sandbox.wait_for("ready")
    os.kill(program.pid, KILL)
    assert program.wait() == -KILL
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.nothing_is_left()


@pytest.mark.parametrize("everyone", [False, True])
def test_an_interrupted_terraform_is_not_interrupted_again(sandbox, terminal, everyone):
    """The guardian knows that terraform has been told already."""
    program = sandbox.drive(terminal=terminal, fake="chatter linger=1.5")
    sandbox.wait_for("ready")
    for pid in sandbox.processes() if everyone else [program.pid]:
        os.kill(pid, TERM)
    sandbox.wait_for("signal")
    time.sleep(0.6)  # by now the witnesses have been heard
    os.kill(program.pid, KILL)
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.nothing_is_left()


@pytest.mark.slow
def test_the_guardian_holds_nothing_of_our_callers(sandbox):
    """Whoever reads our output sees its end when we end, even if terraform still finishes."""
    program = sandbox.drive(fake="chatter linger=3")
    sandbox.wait_for("ready")
    os.kill(program.pid, KILL)
    wait_until(program.ends_output, what="both pipes end", deadline_s=2)
    assert not sandbox.events("ended")
    sandbox.wait_for("ended")


def script(text):
    return ["/bin/sh", "-c", text]


def test_what_a_daemon_says_after_our_end_arrives(sandbox, terminal):
    """As without us: whoever reads to the end waits for the daemon's, and no longer."""
    program = sandbox.drive(terraform=script("(sleep 4; echo late) & echo out"), terminal=terminal)
    program.read_while(lambda: not program.has_ended(), what="our end")
    assert b"late" not in program.output[1]
    wait_until(program.ends_output, what="the end of the output")
    assert program.output[1].split() == [b"out", b"late"]
    assert sandbox.nothing_is_left()


def test_an_output_that_a_daemon_does_not_hold_ends_with_us(sandbox):
    """It holds the other one, and says something there."""
    program = sandbox.drive(terraform=script("(sleep 5; echo late >&2) >/dev/null & echo out"))
    program.read_while(lambda: not program.has_ended(), what="our end")
    program.read_while(lambda: len(program._readers) > 1, what="the end of stdout", deadline_s=2)
    assert program.output == {1: b"out\n", 2: b""}
    wait_until(program.ends_output, what="the end of stderr")
    assert program.output == {1: b"out\n", 2: b"late\n"}


def test_a_reader_that_never_reads_holds_up_no_daemon(sandbox, terminal):
    """What it does not take within two seconds is lost; the daemon gets on, and is told nothing."""
    done = sandbox.folder / "done"
    flood = f"(sleep 3; yes | head -c 2000000 && touch {done}) & echo out"
    program = sandbox.drive(terraform=script(flood), terminal=terminal)
    wait_until(done.exists, what="the daemon has said all")
    assert program.has_ended()
    wait_until(program.ends_output, what="the end of the output")
    assert sandbox.nothing_is_left()


def test_our_helper_holds_nothing_else_of_our_callers(sandbox):
    """A lock that our caller passed is free when we and the daemon have let it go."""
    lock = sandbox.folder / "lock"
    program = sandbox.drive(
        terraform=script("(exec 5<&-; sleep 4) & echo out"),
        before_exec=lambda: os.dup2(os.open(lock, os.O_CREAT | os.O_WRONLY), 5),
    )
    program.read_while(lambda: not program.has_ended(), what="our end")
    left = sandbox.processes()
    held = {os.path.realpath(f"/proc/{pid}/fd/{fd}") for pid in left for fd in os.listdir(f"/proc/{pid}/fd")}
    assert left
    assert str(lock) not in held


WITHOUT_PROCESSES = """
import os, resource, sys
from tfretry.process.guardian import Guardian
from tfretry.process.pump import Flow
if os.getuid() == 0:
    os.setuid(65534)  # root has no limit of processes
reads, written = os.pipe()
with Guardian(drains=[reads]) as guardian:
    guardian.announce()
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    guardian.hand_over([Flow(source=reads, target=1, watchers=())])
os.close(reads)
for _ in range(100):
    os.write(written, bytes(10_000))
print("all is written")
"""


@pytest.mark.usefixtures("no_coverage")
def test_where_no_process_is_to_be_had_the_guardian_reads_on(sandbox):
    """What is said is lost then, but whoever says it lives."""
    program = sandbox.run([sys.executable, "-c", WITHOUT_PROCESSES], env={"PYTHONPATH": str(HERE.parents[1])}, cwd="/")
    assert (program.wait(), program.output) == (0, {1: b"all is written\n", 2: b""})
    assert sandbox.nothing_is_left()


@pytest.mark.slow
def test_whenever_we_are_killed_nothing_is_left(tmp_path):
    """No orphan, at most one SIGTERM."""
    dice = random.Random(7)
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        sandbox = Sandbox(folder)
        own = dice.choice([(), ("--quietly", folder / "out")])
        program = sandbox.drive(*own, terminal=dice.choice([(), EVERYWHERE]), fake="last=0.1 linger=0.05")
        time.sleep(dice.uniform(0, 0.4))
        os.kill(program.pid, KILL)
        assert sandbox.nothing_is_left()
        assert sandbox.signals() in ([], ["SIGTERM"])
        sandbox.close()


def test_real_terraform_keeps_its_state_when_we_are_killed(sandbox, real_terraform, terminal):
    """What was created is in the state, and the lock is gone."""
    (sandbox.folder / "main.tf").write_text(
        """
        resource "terraform_data" "first" {}
        resource "terraform_data" "second" {
          depends_on = [terraform_data.first]
          provisioner "local-exec" { command = "echo started; touch started; sleep 2; echo finished" }
        }
        """
    )
    program = sandbox.drive(
        terraform=[real_terraform], arguments=["apply", "-auto-approve"], terminal=terminal, cwd=sandbox.folder
    )
    wait_until((sandbox.folder / "started").exists, what="the apply is in its middle")
    os.kill(program.pid, KILL)
    assert sandbox.nothing_is_left()
    state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
    assert {resource["name"] for resource in state["resources"]} == {"first", "second"}
    assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest
from harness import HERE, STDIO, three_resources, wait_until

KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


@pytest.fixture(params=[(), STDIO], ids=["pipe", "terminal"])
def terminal(request):
    return request.param


@pytest.mark.parametrize("options", [(), ("--without-linux",)])
@pytest.mark.parametrize("fake", ["chatter linger=0.5", "silent linger=0.5"])
def test_terraform_stops_gracefully_if_we_are_killed(sandbox, terminal, fake, options):
    """It never writes to a closed pipe, and receives one SIGTERM."""
    program = sandbox.drive(*options, terminal=terminal, fake=fake)
    sandbox.wait_for("ready")
    os.kill(program.pid, KILL)
    assert program.wait() == -KILL
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.nothing_is_left()


@pytest.mark.parametrize("everyone", [False, True])
def test_an_interrupted_terraform_is_not_interrupted_again(sandbox, terminal, everyone):
    """The guardian knows that terraform has received a signal already."""
    program = sandbox.drive(terminal=terminal, fake="chatter linger=1.5")
    sandbox.wait_for("ready")
    for pid in sandbox.processes() if everyone else [program.pid]:
        os.kill(pid, TERM)
    sandbox.wait_for("signal")
    time.sleep(0.6)  # longer than EVIDENCE_TIMEOUT_S: the signal is decided
    os.kill(program.pid, KILL)
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.nothing_is_left()


@pytest.mark.slow
def test_the_guardian_does_not_hold_our_outputs(sandbox):
    """Their readers see end-of-file when we are killed, even if terraform still runs."""
    program = sandbox.drive(fake="chatter linger=8")
    sandbox.wait_for("ready")
    os.kill(program.pid, KILL)
    wait_until(program.ends_output, what="both pipes end")
    assert not sandbox.events("ended")
    sandbox.wait_for("ended")


def script(text):
    return ["/bin/sh", "-c", text]


def test_the_output_of_a_daemon_after_our_exit_arrives(sandbox, terminal):
    """As without us, our outputs reach end-of-file when the daemon ends."""
    program = sandbox.drive(terraform=script("(sleep 4; echo late) & echo out"), terminal=terminal)
    program.read_while(lambda: not program.has_ended(), what="our exit")
    assert b"late" not in program.output[1]
    wait_until(program.ends_output, what="the end of the output")
    assert program.output[1].split() == [b"out", b"late"]
    assert sandbox.nothing_is_left()


def test_an_output_that_no_daemon_holds_ends_with_us(sandbox):
    """The daemon holds the other output, and prints there."""
    program = sandbox.drive(terraform=script("(sleep 5; echo late >&2) >/dev/null & echo out"))
    program.read_while(lambda: not program.has_ended(), what="our exit")
    program.read_while(lambda: len(program._readers) > 1, what="the end of stdout")
    assert program.output == {1: b"out\n", 2: b""}
    wait_until(program.ends_output, what="the end of stderr")
    assert program.output == {1: b"out\n", 2: b"late\n"}


def test_a_reader_that_never_reads_does_not_block_a_daemon(sandbox, terminal):
    """What it does not read within two seconds is lost; the daemon sees no error."""
    done = sandbox.folder / "done"
    flood = f"(sleep 3; yes | head -c 2000000 && touch {done}) & echo out"
    program = sandbox.drive(terraform=script(flood), terminal=terminal)
    wait_until(done.exists, what="the daemon has printed everything")
    assert program.has_ended()
    wait_until(program.ends_output, what="the end of the output")
    assert sandbox.nothing_is_left()


def test_the_process_that_copies_to_the_end_does_not_hold_a_lock_of_our_caller(sandbox):
    """The lock is free once we and the daemon have closed it."""
    lock = sandbox.folder / "lock"
    program = sandbox.drive(
        terraform=script("(exec 5<&-; sleep 4) & echo out"),
        before_exec=lambda: os.dup2(os.open(lock, os.O_CREAT | os.O_WRONLY), 5),
    )
    program.read_while(lambda: not program.has_ended(), what="our exit")
    remaining = sandbox.processes()
    held = {os.path.realpath(f"/proc/{pid}/fd/{fd}") for pid in remaining for fd in os.listdir(f"/proc/{pid}/fd")}
    assert remaining
    assert str(lock) not in held


WITHOUT_PROCESSES = """
import os, resource, sys
from tfretry.process.guardian import Guardian
from tfretry.process.pump import Flow
if os.getuid() == 0:
    os.setuid(65534)  # root has no limit of processes
read_end, write_end = os.pipe()
with Guardian([read_end]) as guardian:
    guardian.announce()
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    guardian.hand_over([Flow(source=read_end, target=1, watchers=())])
os.close(read_end)
for _ in range(100):
    os.write(write_end, bytes(10_000))
print("everything is written")
"""


@pytest.mark.usefixtures("no_coverage")
def test_if_no_process_can_be_forked_the_guardian_reads_on(sandbox):
    """The output is lost then, but its writers do not die of SIGPIPE."""
    program = sandbox.run([sys.executable, "-c", WITHOUT_PROCESSES], env={"PYTHONPATH": str(HERE.parents[1])}, cwd="/")
    assert (program.wait(), program.output) == (0, {1: b"everything is written\n", 2: b""})
    assert sandbox.nothing_is_left()


@pytest.mark.slow
def test_whenever_we_are_killed_nothing_is_left(new_sandbox):
    """No orphan is left, and terraform receives one SIGTERM at most."""
    dice = random.Random(7)
    for _ in range(60):
        sandbox = new_sandbox()
        options = dice.choice([(), ("--quietly", sandbox.folder / "out")])
        program = sandbox.drive(*options, terminal=dice.choice([(), STDIO]), fake="last=0.1 linger=0.05")
        time.sleep(dice.uniform(0, 0.4))
        os.kill(program.pid, KILL)
        assert sandbox.nothing_is_left()
        assert sandbox.signals() in ([], ["SIGTERM"])


def test_real_terraform_keeps_its_state_when_we_are_killed(sandbox, real_terraform, terminal):
    """All created resources are in the state, and the lock is removed."""
    (sandbox.folder / "main.tf").write_text(three_resources("echo started; touch started; sleep 2; echo finished"))
    program = sandbox.drive(
        terraform=[real_terraform], arguments=["apply", "-auto-approve"], terminal=terminal, cwd=sandbox.folder
    )
    wait_until((sandbox.folder / "started").exists, what="the second resource is being created")
    os.kill(program.pid, KILL)
    assert sandbox.nothing_is_left()
    assert sandbox.resources() == {"first", "second"}

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time

import pytest
from harness import HERE, Sandbox, wait_until

from tfretry.process.forwarding import EVIDENCE_TIMEOUT_S

CTRL_C, CTRL_BACKSLASH = b"\x03", b"\x1c"
INT, TERM, HUP, QUIT = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT
EVERYWHERE = (0, 1, 2)


def to_us(_stage, program, signo):
    os.kill(program.pid, signo)


def to_group(_stage, program, signo):
    os.killpg(program.pid, signo)


def to_everyone(sandbox, _program, signo):
    for pid in sandbox.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signo)


def to_us_and_group(_stage, program, signo):
    os.kill(program.pid, signo)
    os.killpg(program.pid, signo)


def to_group_and_us(_stage, program, signo):
    os.killpg(program.pid, signo)
    os.kill(program.pid, signo)


def press_ctrl_c(_stage, program, _signo):
    program.type(CTRL_C)


RETRIES = ["--max-attempts", "2", "--first-wait", "60", "--longest-wait", "60"]
TRIES = 10
SENDERS = [to_us, to_group, to_everyone, to_us_and_group, to_group_and_us]


@pytest.fixture
def new_stage(tmp_path):
    """Make any number of worlds, so that a test can try several cases at a time."""
    stages = []

    def make():
        folder = tmp_path / str(len(stages))
        folder.mkdir()
        stages.append(Sandbox(folder))
        return stages[-1]

    yield make
    for sandbox in stages:
        sandbox.close()


@pytest.fixture
def sandbox(new_stage):
    return new_stage()


@pytest.fixture(params=["pipe", "terminal", pytest.param("elsewhere", marks=pytest.mark.slow)])
def start(request, new_stage):
    """Start `tfretry apply` in each mode; "elsewhere" is without what Linux alone has."""

    def start(*, retrying=False, **options):
        sandbox = new_stage()
        options.setdefault("terminal", EVERYWHERE if request.param == "terminal" else ())
        options["elsewhere"] = request.param == "elsewhere"
        return sandbox, sandbox.apply(*(RETRIES if retrying else ()), **options)

    return start


def send_each(senders, start, signo, **options):
    """Start a program for each of *senders*, let them send when terraform is ready, and return all."""
    started = {send: start(**options) for send in senders}
    for send in senders:
        for _ in range(TRIES):
            if is_sent_at_once(send, *started[send], signo):
                break
            started[send] = start(**options)
        else:
            pytest.fail(f"{send} was held up {TRIES} times: this machine is too busy")
    return started.items()


def is_sent_at_once(send, sandbox, program, signo):
    """Whether the sender was not held up in the middle: the rule is about signals that come together."""
    sandbox.wait_for("ready")
    began = time.monotonic()
    send(sandbox, program, signo)
    return time.monotonic() - began < EVIDENCE_TIMEOUT_S / 2


@pytest.mark.parametrize("signo", [INT, TERM], ids=lambda signo: signo.name)
def test_terraform_gets_an_interrupt_once(start, signo):
    """Whoever is sent it, terraform has it once, is awaited, and its exit code is ours."""
    for send, (sandbox, program) in send_each(SENDERS, start, signo):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == [signo.name], send
        assert sandbox.events("ended"), send
        assert sandbox.nothing_is_left()


def test_a_silent_terraform_gets_an_interrupt_once(start):
    """Where terraform's own words do not come through, the canary tells."""
    for send, (sandbox, program) in send_each(SENDERS, start, TERM, fake="silent linger=1"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM"], send


def test_a_second_interrupt_is_a_second_interrupt(start):
    """The user may insist: then terraform has it twice."""
    for send, (sandbox, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=30"):
        sandbox.wait_for("signal")
        send(sandbox, program, TERM)
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM", "SIGTERM"], send


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_not_doubled(sandbox, own, times):
    """The terminal gives it to terraform itself."""
    program = sandbox.drive(*own, terminal=EVERYWHERE, fake="linger=0.8")
    for count in range(1, times + 1):
        program.read_until(b"ready" if count == 1 else b"^C")
        sandbox.wait_for("ready")
        program.type(CTRL_C)
        sandbox.wait_for("signal", count)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGINT"] * times


def test_ctrl_c_and_then_kill_are_two(sandbox):
    """A signal to us alone after the terminal's is the second one."""
    program = sandbox.apply(terminal=EVERYWHERE, fake="linger=30")
    sandbox.wait_for("ready")
    program.type(CTRL_C)
    sandbox.wait_for("signal")
    time.sleep(0.3)  # so late that what the witnesses said of the first is not taken for the second
    os.kill(program.pid, TERM)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGINT", "SIGTERM"]


def test_a_stalled_output_doubles_nothing(sandbox):
    """Terraform's own words are held up by a reader that does not read: the canary is witness enough."""
    program = sandbox.apply(fake="chatter linger=1", terminal=(1,))
    sandbox.wait_for("ready")
    os.killpg(program.pid, TERM)
    sandbox.wait_for("ended")
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_without_a_sentinel_terraforms_words_are_a_witness(sandbox, tmp_path):
    """Where there is no `cat`, a signal to the group is still not doubled."""
    program = sandbox.apply(env={"PATH": str(tmp_path)})
    sandbox.wait_for("ready")
    os.killpg(program.pid, TERM)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_other_signals_are_passed_on_once(start):
    """They are terraform's to understand; ours is to wait for it."""
    started = {signo: start(fake="last=3") for signo in (QUIT, signal.SIGUSR1, signal.SIGUSR2)}
    for signo, (sandbox, program) in started.items():
        sandbox.wait_for("ready")
        os.kill(program.pid, signo)
    for signo, (sandbox, program) in started.items():
        assert program.wait() == 0, signo
        assert sandbox.signals() == [signo.name]


def test_a_quit_key_leaves_no_core_of_ours(sandbox):
    """Ctrl-backslash is terraform's own; neither we nor the canary dump core in the user's folder."""
    import resource

    def cores():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    folder = sandbox.folder / "work"
    folder.mkdir()
    program = sandbox.apply(terminal=EVERYWHERE, fake="last=1", cwd=folder, before_exec=cores)
    sandbox.wait_for("ready")
    program.type(CTRL_BACKSLASH)
    assert program.wait() == 0
    assert sandbox.signals() == ["SIGQUIT"]
    assert list(folder.iterdir()) == []


def test_hang_ups_become_one_sigterm(start):
    """However many come: terraform alone would die of the first, its state unsaved."""
    sandbox, program = start(fake="linger=0.5")
    sandbox.wait_for("ready")
    for _ in range(3):
        os.kill(program.pid, HUP)
        time.sleep(0.05)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.events("ended")


def test_a_closed_terminal_lets_terraform_finish(sandbox):
    """Its window is gone; it is asked to stop, once, and awaited."""
    program = sandbox.apply(terminal=EVERYWHERE, fake="chatter linger=0.5")
    sandbox.wait_for("ready")
    program.hang_up()
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.events("ended")
    assert sandbox.nothing_is_left()


@pytest.mark.parametrize("order", [(TERM, HUP), (HUP, TERM)])
def test_a_hang_up_beside_an_interrupt_adds_nothing(start, order):
    """A session that ends sends both: the SIGTERM that a hang-up becomes would be the second."""
    sandbox, program = start(fake="linger=0.5")
    sandbox.wait_for("ready")
    os.kill(program.pid, signal.SIGSTOP)  # both are there when we look
    for signo in order:
        os.kill(program.pid, signo)
    os.kill(program.pid, signal.SIGCONT)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_a_signal_ends_the_wait_at_once(start):
    """Between two attempts we end with 128+N, and nothing is retried."""
    started = {signo: start(retrying=True, fake="last=0 exit=1 role") for signo in (HUP, INT, QUIT, TERM)}
    for signo, (sandbox, program) in started.items():
        wait_until(lambda: sandbox.events("ended") and sandbox.processes() == [program.pid], what="it waits")  # noqa: B023
        sent = time.monotonic()
        os.kill(program.pid, signo)
        assert program.wait() == 128 + signo
        assert time.monotonic() - sent < 2
        assert len(sandbox.events("ready")) == 1


def test_nothing_is_retried_after_a_signal(start):
    """Terraform exits 1, which would be retried, but it was told to stop."""
    for _, (sandbox, program) in send_each([to_us], start, INT, retrying=True, fake="role"):
        assert program.wait() == 1
        assert len(sandbox.events("ready")) == 1


def test_an_interrupt_at_the_prompt_arrives(start):
    """Terraform asks and is stopped: once, and no answer is made up."""
    for send, (sandbox, program) in send_each([to_us, to_group], start, INT, fake="ask"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGINT"], send
        assert sandbox.events("answer") == []


@pytest.mark.parametrize("own", [(), pytest.param(("--elsewhere",), marks=pytest.mark.slow)])
def test_a_child_without_output_of_ours_gets_an_interrupt_once(new_stage, own):
    """`show` and `plan` run under the same rule."""

    def start(**options):
        sandbox = new_stage()
        return sandbox, sandbox.drive(*own, "--quietly", sandbox.folder / "out", **options)

    for send, (sandbox, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=0.8"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM"], send
        assert program.output == {1: b"", 2: b""}


def test_what_our_caller_ignores_stays_ignored(start):
    """Under nohup a hang-up changes nothing, for us and for terraform."""
    sandbox, program = start(fake="last=0.7", before_exec=lambda: signal.signal(HUP, signal.SIG_IGN))
    sandbox.wait_for("ready")
    os.killpg(program.pid, HUP)
    assert program.wait() == 0
    assert sandbox.signals() == []


def test_what_our_caller_blocks_stays_blocked(start):
    """It would not have reached terraform either."""
    sandbox, program = start(fake="last=0.7", before_exec=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [TERM]))
    sandbox.wait_for("ready")
    os.kill(program.pid, TERM)
    assert program.wait() == 0
    assert sandbox.signals() == []


def test_elsewhere_signals_are_waited_for_by_handlers(sandbox):
    """With Linux's names taken away, what takes their place is what runs."""
    script = "import without_linux; without_linux.take_away()\n"
    script += "from tfretry.process import signalmask; from tfretry.process.signals import Signals\n"
    script += "import signal\nwith Signals(signalmask.block()): print(callable(signal.getsignal(signal.SIGTERM)))"
    program = sandbox.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)})
    assert (program.wait(), program.output[1]) == (0, b"True\n")


@pytest.mark.parametrize("before", ["", "import without_linux; without_linux.take_away()\n"])
def test_a_signal_after_the_end_changes_nothing(sandbox, before):
    """Terraform's exit code stands already."""
    script = f"{before}from tfretry.process import signalmask; mask = signalmask.block()\n"
    script += (
        f"import os; from tfretry.process.signals import Signals\nwith Signals(mask): os.kill(os.getpid(), {int(TERM)})"
    )
    assert sandbox.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)}).wait() == 0


def test_children_are_awaited_where_their_ends_are_ignored(start):
    """A caller that ignores SIGCHLD does not cost us terraform's exit code."""
    _, program = start(fake="last=0 exit=3", before_exec=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert program.wait() == 3


@pytest.mark.parametrize("terminal", [(), EVERYWHERE])
def test_an_interrupt_before_terraform_runs_ends_us(sandbox, terminal):
    """Sent while we are still starting, it is as if terraform had died of it."""
    for delay_s in (0, 0.02, 0.05, 0.08):
        program = sandbox.apply(terminal=terminal, fake="last=5")
        time.sleep(delay_s)
        os.killpg(program.pid, INT)
        assert program.wait() in (-INT, 1)
        assert len(sandbox.signals()) <= 1
    assert sandbox.nothing_is_left()


@pytest.mark.parametrize("own", [(), ("--elsewhere",), ("--look-before-signal",)])
def test_an_interrupt_between_our_last_look_and_the_fork_arrives(sandbox, own):
    """It reached us alone; terraform is told once, as a rule before it is up, and dies of it then."""
    program = sandbox.drive(*own, "--signal-at-fork", str(int(TERM)))
    assert program.wait() in (-TERM, 1)
    assert sandbox.signals() == ([] if program.code == -TERM else ["SIGTERM"])


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
def test_a_terraform_that_is_up_before_we_look_has_the_signal_of_its_group(sandbox, own):
    """On a busy machine we may come back from the spawn late; what came meanwhile is not sent a second time."""
    program = sandbox.drive(*own, "--signal-group-when", sandbox.record)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_signals_at_random_times_are_never_doubled_and_orphan_nothing(new_stage, seed):
    """Eight programs, each with one interrupt: while it starts, about the spawn, or while terraform runs."""
    dice = random.Random(seed)
    runs = []
    for _ in range(8):
        sandbox = new_stage()
        terminal = dice.choice([(), EVERYWHERE])
        fake = dice.choice(["", "silent", "chatter"]) + " last=20 linger=0.1"
        send = dice.choice([*SENDERS, press_ctrl_c] if terminal else SENDERS)
        runs.append((send, sandbox, sandbox.apply(terminal=terminal, fake=fake)))
    for send, sandbox, program in runs:
        has_begun = dice.choice([lambda: True, lambda: len(sandbox.processes()) > 1, lambda: sandbox.events("argv")])  # noqa: B023
        wait_until(has_begun, what="it begins", pause_s=0.001)
        time.sleep(dice.choice([0, 0.002, 0.01, 0.05, 0.15]))
        send(sandbox, program, dice.choice([INT, TERM]))
    for send, sandbox, program in runs:
        code = program.wait(30)
        if sandbox.signals():
            assert (code, len(sandbox.signals()), len(sandbox.events("ended"))) == (1, 1, 1), (send, sandbox.events())
        else:  # so early that it was the end: of Python, of us, or of a terraform that was not up yet
            assert not sandbox.events("ended"), (send, program.code, program.output)
            assert code in (-INT, -TERM) or not sandbox.events(), send
        assert sandbox.nothing_is_left()

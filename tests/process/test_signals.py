from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time

import pytest
from harness import HERE, Stage, wait_until

from tfretry.process.rule import PATIENCE_S

CTRL_C, CTRL_BACKSLASH = b"\x03", b"\x1c"
INT, TERM, HUP, QUIT = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT
EVERYWHERE = (0, 1, 2)


def to_us(_stage, program, signo):
    os.kill(program.pid, signo)


def to_group(_stage, program, signo):
    os.killpg(program.pid, signo)


def to_everyone(stage, _program, signo):
    for pid in stage.processes():
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
        stages.append(Stage(folder))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


@pytest.fixture
def stage(new_stage):
    return new_stage()


@pytest.fixture(params=["pipe", "terminal", pytest.param("elsewhere", marks=pytest.mark.slow)])
def start(request, new_stage):
    """Start `tfretry apply` in each mode; "elsewhere" is without what Linux alone has."""

    def start(*, retrying=False, **options):
        stage = new_stage()
        options.setdefault("terminal", EVERYWHERE if request.param == "terminal" else ())
        options["elsewhere"] = request.param == "elsewhere"
        return stage, stage.apply(*(RETRIES if retrying else ()), **options)

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


def is_sent_at_once(send, stage, program, signo):
    """Whether the sender was not held up in the middle: the rule is about signals that come together."""
    stage.wait_for("ready")
    began = time.monotonic()
    send(stage, program, signo)
    return time.monotonic() - began < PATIENCE_S / 2


@pytest.mark.parametrize("signo", [INT, TERM], ids=lambda signo: signo.name)
def test_terraform_gets_an_interrupt_once(start, signo):
    """Whoever is sent it, terraform has it once, is awaited, and its exit code is ours."""
    for send, (stage, program) in send_each(SENDERS, start, signo):
        assert program.wait() == 1, (send, program.output)
        assert stage.signals() == [signo.name], send
        assert stage.events("ended"), send
        assert stage.nothing_is_left()


def test_a_silent_terraform_gets_an_interrupt_once(start):
    """Where terraform's own words do not come through, the sentinel tells."""
    for send, (stage, program) in send_each(SENDERS, start, TERM, fake="silent linger=1"):
        assert program.wait() == 1, (send, program.output)
        assert stage.signals() == ["SIGTERM"], send


def test_a_second_interrupt_is_a_second_interrupt(start):
    """The user may insist: then terraform has it twice."""
    for send, (stage, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=30"):
        stage.wait_for("signal")
        send(stage, program, TERM)
        assert program.wait() == 1, (send, program.output)
        assert stage.signals() == ["SIGTERM", "SIGTERM"], send


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_not_doubled(stage, own, times):
    """The terminal gives it to terraform itself."""
    program = stage.drive(*own, terminal=EVERYWHERE, fake="linger=0.8")
    for count in range(1, times + 1):
        program.read_until(b"ready" if count == 1 else b"^C")
        stage.wait_for("ready")
        program.type(CTRL_C)
        stage.wait_for("signal", count)
    assert program.wait() == 1
    assert stage.signals() == ["SIGINT"] * times


def test_ctrl_c_and_then_kill_are_two(stage):
    """A signal to us alone after the terminal's is the second one."""
    program = stage.apply(terminal=EVERYWHERE, fake="linger=30")
    stage.wait_for("ready")
    program.type(CTRL_C)
    stage.wait_for("signal")
    time.sleep(0.3)  # so late that what the witnesses said of the first is not taken for the second
    os.kill(program.pid, TERM)
    assert program.wait() == 1
    assert stage.signals() == ["SIGINT", "SIGTERM"]


def test_a_stalled_output_doubles_nothing(stage):
    """Terraform's own words are held up by a reader that does not read: the sentinel is witness enough."""
    program = stage.apply(fake="chatter linger=1", terminal=(1,))
    stage.wait_for("ready")
    os.killpg(program.pid, TERM)
    stage.wait_for("ended")
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]


def test_without_a_sentinel_terraforms_words_are_a_witness(stage, tmp_path):
    """Where there is no `cat`, a signal to the group is still not doubled."""
    program = stage.apply(env={"PATH": str(tmp_path)})
    stage.wait_for("ready")
    os.killpg(program.pid, TERM)
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]


def test_other_signals_are_passed_on_once(start):
    """They are terraform's to understand; ours is to wait for it."""
    started = {signo: start(fake="last=3") for signo in (QUIT, signal.SIGUSR1, signal.SIGUSR2)}
    for signo, (stage, program) in started.items():
        stage.wait_for("ready")
        os.kill(program.pid, signo)
    for signo, (stage, program) in started.items():
        assert program.wait() == 0, signo
        assert stage.signals() == [signo.name]


def test_a_quit_key_leaves_no_core_of_ours(stage):
    """Ctrl-backslash is terraform's own; neither we nor the sentinel dump core in the user's folder."""
    import resource

    def cores():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    folder = stage.folder / "work"
    folder.mkdir()
    program = stage.apply(terminal=EVERYWHERE, fake="last=1", cwd=folder, before_exec=cores)
    stage.wait_for("ready")
    program.type(CTRL_BACKSLASH)
    assert program.wait() == 0
    assert stage.signals() == ["SIGQUIT"]
    assert list(folder.iterdir()) == []


def test_hang_ups_become_one_sigterm(start):
    """However many come: terraform alone would die of the first, its state unsaved."""
    stage, program = start(fake="linger=0.5")
    stage.wait_for("ready")
    for _ in range(3):
        os.kill(program.pid, HUP)
        time.sleep(0.05)
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]
    assert stage.events("ended")


def test_a_closed_terminal_lets_terraform_finish(stage):
    """Its window is gone; it is asked to stop, once, and awaited."""
    program = stage.apply(terminal=EVERYWHERE, fake="chatter linger=0.5")
    stage.wait_for("ready")
    program.hang_up()
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]
    assert stage.events("ended")
    assert stage.nothing_is_left()


@pytest.mark.parametrize("order", [(TERM, HUP), (HUP, TERM)])
def test_a_hang_up_beside_an_interrupt_adds_nothing(start, order):
    """A session that ends sends both: the SIGTERM that a hang-up becomes would be the second."""
    stage, program = start(fake="linger=0.5")
    stage.wait_for("ready")
    os.kill(program.pid, signal.SIGSTOP)  # both are there when we look
    for signo in order:
        os.kill(program.pid, signo)
    os.kill(program.pid, signal.SIGCONT)
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]


def test_a_signal_ends_the_wait_at_once(start):
    """Between two attempts we end with 128+N, and nothing is retried."""
    started = {signo: start(retrying=True, fake="last=0 exit=1 role") for signo in (HUP, INT, QUIT, TERM)}
    for signo, (stage, program) in started.items():
        wait_until(lambda: stage.events("ended") and stage.processes() == [program.pid], what="it waits")  # noqa: B023
        sent = time.monotonic()
        os.kill(program.pid, signo)
        assert program.wait() == 128 + signo
        assert time.monotonic() - sent < 2
        assert len(stage.events("ready")) == 1


def test_nothing_is_retried_after_a_signal(start):
    """Terraform exits 1, which would be retried, but it was told to stop."""
    for _, (stage, program) in send_each([to_us], start, INT, retrying=True, fake="role"):
        assert program.wait() == 1
        assert len(stage.events("ready")) == 1


def test_an_interrupt_at_the_prompt_arrives(start):
    """Terraform asks and is stopped: once, and no answer is made up."""
    for send, (stage, program) in send_each([to_us, to_group], start, INT, fake="ask"):
        assert program.wait() == 1, (send, program.output)
        assert stage.signals() == ["SIGINT"], send
        assert stage.events("answer") == []


@pytest.mark.parametrize("own", [(), pytest.param(("--elsewhere",), marks=pytest.mark.slow)])
def test_a_child_without_output_of_ours_gets_an_interrupt_once(new_stage, own):
    """`show` and `plan` run under the same rule."""

    def start(**options):
        stage = new_stage()
        return stage, stage.drive(*own, "--quietly", stage.folder / "out", **options)

    for send, (stage, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=0.8"):
        assert program.wait() == 1, (send, program.output)
        assert stage.signals() == ["SIGTERM"], send
        assert program.output == {1: b"", 2: b""}


def test_what_our_caller_ignores_stays_ignored(start):
    """Under nohup a hang-up changes nothing, for us and for terraform."""
    stage, program = start(fake="last=0.7", before_exec=lambda: signal.signal(HUP, signal.SIG_IGN))
    stage.wait_for("ready")
    os.killpg(program.pid, HUP)
    assert program.wait() == 0
    assert stage.signals() == []


def test_what_our_caller_blocks_stays_blocked(start):
    """It would not have reached terraform either."""
    stage, program = start(fake="last=0.7", before_exec=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [TERM]))
    stage.wait_for("ready")
    os.kill(program.pid, TERM)
    assert program.wait() == 0
    assert stage.signals() == []


def test_elsewhere_signals_are_waited_for_by_handlers(stage):
    """With Linux's names taken away, what takes their place is what runs."""
    script = "import elsewhere; elsewhere.take_away()\n"
    script += "from tfretry.process import signalmask; from tfretry.process.signals import Signals\n"
    script += "import signal\nwith Signals(signalmask.block()): print(callable(signal.getsignal(signal.SIGTERM)))"
    program = stage.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)})
    assert (program.wait(), program.output[1]) == (0, b"True\n")


@pytest.mark.parametrize("before", ["", "import elsewhere; elsewhere.take_away()\n"])
def test_a_signal_after_the_end_changes_nothing(stage, before):
    """Terraform's exit code stands already."""
    script = f"{before}from tfretry.process import signalmask; mask = signalmask.block()\n"
    script += (
        f"import os; from tfretry.process.signals import Signals\nwith Signals(mask): os.kill(os.getpid(), {int(TERM)})"
    )
    assert stage.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)}).wait() == 0


def test_children_are_awaited_where_their_ends_are_ignored(start):
    """A caller that ignores SIGCHLD does not cost us terraform's exit code."""
    _, program = start(fake="last=0 exit=3", before_exec=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert program.wait() == 3


@pytest.mark.parametrize("terminal", [(), EVERYWHERE])
def test_an_interrupt_before_terraform_runs_ends_us(stage, terminal):
    """Sent while we are still starting, it is as if terraform had died of it."""
    for delay_s in (0, 0.02, 0.05, 0.08):
        program = stage.apply(terminal=terminal, fake="last=5")
        time.sleep(delay_s)
        os.killpg(program.pid, INT)
        assert program.wait() in (-INT, 1)
        assert len(stage.signals()) <= 1
    assert stage.nothing_is_left()


@pytest.mark.parametrize("own", [(), ("--elsewhere",), ("--look-before-signal",)])
def test_an_interrupt_between_our_last_look_and_the_fork_arrives(stage, own):
    """It reached us alone; terraform is told once, as a rule before it is up, and dies of it then."""
    program = stage.drive(*own, "--signal-at-fork", str(int(TERM)))
    assert program.wait() in (-TERM, 1)
    assert stage.signals() == ([] if program.code == -TERM else ["SIGTERM"])


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
def test_a_terraform_that_is_up_before_we_look_has_the_signal_of_its_group(stage, own):
    """On a busy machine we may come back from the spawn late; what came meanwhile is not sent a second time."""
    program = stage.drive(*own, "--signal-group-when", stage.record)
    assert program.wait() == 1
    assert stage.signals() == ["SIGTERM"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_signals_at_random_times_are_never_doubled_and_orphan_nothing(new_stage, seed):
    """Eight programs, each with one interrupt: while it starts, about the spawn, or while terraform runs."""
    dice = random.Random(seed)
    runs = []
    for _ in range(8):
        stage = new_stage()
        terminal = dice.choice([(), EVERYWHERE])
        fake = dice.choice(["", "silent", "chatter"]) + " last=20 linger=0.1"
        send = dice.choice([*SENDERS, press_ctrl_c] if terminal else SENDERS)
        runs.append((send, stage, stage.apply(terminal=terminal, fake=fake)))
    for send, stage, program in runs:
        has_begun = dice.choice([lambda: True, lambda: len(stage.processes()) > 1, lambda: stage.events("argv")])  # noqa: B023
        wait_until(has_begun, what="it begins", pause_s=0.001)
        time.sleep(dice.choice([0, 0.002, 0.01, 0.05, 0.15]))
        send(stage, program, dice.choice([INT, TERM]))
    for send, stage, program in runs:
        code = program.wait(30)
        if stage.signals():
            assert (code, len(stage.signals()), len(stage.events("ended"))) == (1, 1, 1), (send, stage.events())
        else:  # so early that it was the end: of Python, of us, or of a terraform that was not up yet
            assert not stage.events("ended"), (send, program.code, program.output)
            assert code in (-INT, -TERM) or not stage.events(), send
        assert stage.nothing_is_left()

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest
from harness import HERE, STDIO, press_ctrl_c, to_everyone, to_group, to_us, wait_until

from tfretry.process.forwarding import EVIDENCE_TIMEOUT_S

# Coverage makes our start slower than the signals of these tests allow for.
pytestmark = pytest.mark.usefixtures("no_coverage")

CTRL_C, CTRL_BACKSLASH = b"\x03", b"\x1c"
INT, TERM, HUP, QUIT = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT


def to_us_and_group(program, signo):
    to_us(program, signo)
    to_group(program, signo)


def to_group_and_us(program, signo):
    to_group(program, signo)
    to_us(program, signo)


RETRIES = ["--max-attempts", "2", "--first-wait", "60", "--longest-wait", "60"]
TRIES = 10
SENDERS = [to_us, to_group, to_everyone, to_us_and_group, to_group_and_us]


@pytest.fixture(params=["pipe", "terminal", pytest.param("without-linux", marks=pytest.mark.slow)])
def start(request, new_sandbox):
    """Start `tfretry apply` on pipes, on a terminal, and on pipes as on macOS."""

    def start(*, retrying=False, **how):
        sandbox = new_sandbox()
        how.setdefault("terminal", STDIO if request.param == "terminal" else ())
        how["without_linux"] = request.param == "without-linux"
        return sandbox, sandbox.apply(*(RETRIES if retrying else ()), **how)

    return start


def send_each(senders, start, signo, **how):
    """Start a program for each of *senders*; each sends *signo* once terraform is ready. Return all of them."""
    started = {send: start(**how) for send in senders}
    for send in senders:
        for _ in range(TRIES):
            if is_sent_at_once(send, *started[send], signo):
                break
            started[send] = start(**how)
        else:
            pytest.fail(f"{send} was interrupted {TRIES} times: this machine is too busy")
    return started.items()


def is_sent_at_once(send, sandbox, program, signo):
    """Whether *send* was quick: signals that belong together must arrive within EVIDENCE_TIMEOUT_S."""
    sandbox.wait_for("ready")
    began = time.monotonic()
    send(program, signo)
    return time.monotonic() - began < EVIDENCE_TIMEOUT_S / 2


@pytest.mark.parametrize("signo", [INT, TERM], ids=lambda signo: signo.name)
def test_terraform_gets_an_interrupt_once(start, signo):
    """Also if it was sent to our group, or to every process. We wait for terraform, and exit with its exit code."""
    for send, (sandbox, program) in send_each(SENDERS, start, signo):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == [signo.name], send
        assert sandbox.events("ended"), send
        assert sandbox.nothing_is_left()


def test_a_silent_terraform_gets_an_interrupt_once(start):
    """Without terraform's notice, the canary is the evidence."""
    for send, (sandbox, program) in send_each(SENDERS, start, TERM, fake="silent linger=1"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM"], send


def test_a_second_interrupt_is_forwarded_too(start):
    """The user may insist: then terraform receives two."""
    for send, (sandbox, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=30"):
        sandbox.wait_for("signal")
        send(program, TERM)
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM", "SIGTERM"], send


@pytest.mark.parametrize("options", [(), ("--without-linux",)])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_is_not_doubled(sandbox, options, times):
    """The terminal sends it to terraform itself."""
    program = sandbox.drive(*options, terminal=STDIO, fake="linger=0.8")
    for count in range(1, times + 1):
        program.read_until(b"ready" if count == 1 else b"^C")
        sandbox.wait_for("ready")
        program.type(CTRL_C)
        sandbox.wait_for("signal", count)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGINT"] * times


def test_ctrl_c_and_then_kill_are_two_interrupts(sandbox):
    """The second one was sent to us alone: it is forwarded."""
    program = sandbox.apply(terminal=STDIO, fake="linger=30")
    sandbox.wait_for("ready")
    program.type(CTRL_C)
    sandbox.wait_for("signal")
    time.sleep(0.3)  # longer than CLOCK_SLACK_S: the evidence of the first is no evidence of the second
    os.kill(program.pid, TERM)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGINT", "SIGTERM"]


def test_an_interrupt_is_not_doubled_while_the_output_is_stalled(sandbox):
    """A reader that does not read delays terraform's notice: the canary is evidence enough."""
    program = sandbox.apply(fake="chatter linger=1", terminal=(1,))
    sandbox.wait_for("ready")
    os.killpg(program.pid, TERM)
    sandbox.wait_for("ended")
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_without_a_canary_terraforms_notice_is_the_evidence(sandbox, tmp_path):
    """If there is no `cat`, a signal to the group is still not doubled."""
    program = sandbox.apply(env={"PATH": str(tmp_path)})
    sandbox.wait_for("ready")
    os.killpg(program.pid, TERM)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_other_signals_are_forwarded_once(start):
    """Terraform decides what they mean; we wait for it."""
    started = {signo: start(fake="last=3") for signo in (QUIT, signal.SIGUSR1, signal.SIGUSR2)}
    for signo, (sandbox, program) in started.items():
        sandbox.wait_for("ready")
        os.kill(program.pid, signo)
    for signo, (sandbox, program) in started.items():
        assert program.wait() == 0, signo
        assert sandbox.signals() == [signo.name]


def test_a_quit_key_leaves_no_core_of_ours(sandbox):
    """Ctrl-backslash is for terraform; neither we nor the canary dump core in the user's folder."""
    import resource

    def cores():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    folder = sandbox.folder / "work"
    folder.mkdir()
    program = sandbox.apply(terminal=STDIO, fake="last=1", cwd=folder, before_exec=cores)
    sandbox.wait_for("ready")
    program.type(CTRL_BACKSLASH)
    assert program.wait() == 0
    assert sandbox.signals() == ["SIGQUIT"]
    assert list(folder.iterdir()) == []


def test_hang_ups_become_one_sigterm(start):
    """However many come. Without us, terraform would die of the first one, with its state unsaved."""
    sandbox, program = start(fake="linger=0.5")
    sandbox.wait_for("ready")
    for _ in range(3):
        os.kill(program.pid, HUP)
        time.sleep(0.05)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.events("ended")


def test_a_closed_terminal_lets_terraform_finish(sandbox):
    """It receives one SIGTERM, and we wait for it."""
    program = sandbox.apply(terminal=STDIO, fake="chatter linger=0.5")
    sandbox.wait_for("ready")
    program.hang_up()
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]
    assert sandbox.events("ended")
    assert sandbox.nothing_is_left()


@pytest.mark.parametrize("order", [(TERM, HUP), (HUP, TERM)])
def test_a_hang_up_beside_an_interrupt_adds_nothing(start, order):
    """A session that ends may send both: the SIGTERM for the hang-up would be the second interrupt."""
    sandbox, program = start(fake="linger=0.5")
    sandbox.wait_for("ready")
    os.kill(program.pid, signal.SIGSTOP)  # so that both are pending when we continue
    for signo in order:
        os.kill(program.pid, signo)
    os.kill(program.pid, signal.SIGCONT)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


def test_a_signal_during_the_wait_ends_us(start):
    """We exit with 128+N, long before the minute is over, and do not retry."""
    started = {signo: start(retrying=True, fake="last=0 exit=1 role") for signo in (HUP, INT, QUIT, TERM)}
    for signo, (sandbox, program) in started.items():
        wait_until(lambda: sandbox.events("ended") and sandbox.processes() == [program.pid], what="it waits")  # noqa: B023
        sent = time.monotonic()
        os.kill(program.pid, signo)
        assert program.wait() == 128 + signo
        assert time.monotonic() - sent < 20
        assert len(sandbox.events("ready")) == 1


def test_nothing_is_retried_after_a_signal(start):
    """Terraform fails with a known error, but it was asked to stop."""
    for _, (sandbox, program) in send_each([to_us], start, INT, retrying=True, fake="role"):
        assert program.wait() == 1
        assert len(sandbox.events("ready")) == 1


def test_an_interrupt_at_the_prompt_arrives(start):
    """Terraform stops at its question, and receives no answer."""
    for send, (sandbox, program) in send_each([to_us, to_group], start, INT, fake="ask"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGINT"], send
        assert sandbox.events("answer") == []


@pytest.mark.parametrize("options", [(), pytest.param(("--without-linux",), marks=pytest.mark.slow)])
def test_a_child_without_our_outputs_gets_an_interrupt_once(new_sandbox, options):
    """`terraform show` and `terraform plan` run in this way."""

    def start(**how):
        sandbox = new_sandbox()
        return sandbox, sandbox.drive(*options, "--quietly", sandbox.folder / "out", **how)

    for send, (sandbox, program) in send_each([to_us, to_group, to_everyone], start, TERM, fake="linger=0.8"):
        assert program.wait() == 1, (send, program.output)
        assert sandbox.signals() == ["SIGTERM"], send
        assert program.output == {1: b"", 2: b""}


def test_a_signal_that_our_caller_ignores_stays_ignored(start):
    """Under nohup a hang-up stops neither us nor terraform."""
    sandbox, program = start(fake="last=0.7", before_exec=lambda: signal.signal(HUP, signal.SIG_IGN))
    sandbox.wait_for("ready")
    os.killpg(program.pid, HUP)
    assert program.wait() == 0
    assert sandbox.signals() == []


def test_a_signal_that_our_caller_blocks_stays_blocked(start):
    """Without us, terraform would not receive it either."""
    sandbox, program = start(fake="last=0.7", before_exec=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [TERM]))
    sandbox.wait_for("ready")
    os.kill(program.pid, TERM)
    assert program.wait() == 0
    assert sandbox.signals() == []


def test_without_sigtimedwait_handlers_are_installed(sandbox):
    """So the tests that remove Linux's names do test the other way."""
    script = "import without_linux; without_linux.remove_names()\n"
    script += "from tfretry.process import signalmask; from tfretry.process.signals import Signals\n"
    script += "import signal\nwith Signals(signalmask.block()): print(callable(signal.getsignal(signal.SIGTERM)))"
    program = sandbox.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)})
    assert (program.wait(), program.output[1]) == (0, b"True\n")


@pytest.mark.parametrize("before", ["", "import without_linux; without_linux.remove_names()\n"])
def test_a_signal_after_terraforms_exit_changes_nothing(sandbox, before):
    """Our exit code is terraform's."""
    script = f"{before}from tfretry.process import signalmask; mask = signalmask.block()\n"
    script += (
        f"import os; from tfretry.process.signals import Signals\nwith Signals(mask): os.kill(os.getpid(), {int(TERM)})"
    )
    assert sandbox.run([sys.executable, "-c", script], env={"PYTHONPATH": str(HERE)}).wait() == 0


def test_the_exit_code_is_known_although_our_caller_ignores_sigchld(start):
    """The kernel reaps children then, unless we restore the default."""
    _, program = start(fake="last=0 exit=3", before_exec=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert program.wait() == 3


@pytest.mark.parametrize("terminal", [(), STDIO])
def test_an_interrupt_while_we_start_ends_us(new_sandbox, terminal):
    """As if it had killed terraform; if terraform runs already, it receives the interrupt once."""
    for delay_s in (0, 0.02, 0.05, 0.08):
        sandbox = new_sandbox()
        program = sandbox.apply(terminal=terminal, fake="last=5")
        time.sleep(delay_s)
        os.killpg(program.pid, INT)
        assert program.wait() in (-INT, 1)
        assert sandbox.signals() in ([], ["SIGINT"])
        assert sandbox.nothing_is_left()


@pytest.mark.parametrize("options", [(), ("--without-linux",), ("--look-before-signal",)])
def test_an_interrupt_right_before_the_fork_arrives(sandbox, options):
    """Only we received it. It is forwarded once, mostly so early that it kills terraform."""
    program = sandbox.drive(*options, "--signal-at-fork", str(int(TERM)))
    assert program.wait() in (-TERM, 1)
    assert sandbox.signals() == ([] if program.code == -TERM else ["SIGTERM"])


@pytest.mark.parametrize("options", [(), ("--without-linux",)])
def test_a_signal_to_the_group_while_sh_starts_terraform_is_not_doubled(sandbox, options):
    """On a busy machine terraform may be ready before sh returns to us."""
    program = sandbox.drive(*options, "--signal-group-when", sandbox.record)
    assert program.wait() == 1
    assert sandbox.signals() == ["SIGTERM"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_signals_at_random_times_are_never_doubled_and_leave_no_process(new_sandbox, seed):
    """Eight programs, each with one interrupt: while it starts, near the spawn, or while terraform runs."""
    dice = random.Random(seed)
    runs = []
    for _ in range(8):
        sandbox = new_sandbox()
        terminal = dice.choice([(), STDIO])
        fake = dice.choice(["", "silent", "chatter"]) + " last=20 linger=0.1"
        send = dice.choice([*SENDERS, press_ctrl_c] if terminal else SENDERS)
        runs.append((send, sandbox, sandbox.apply(terminal=terminal, fake=fake)))
    for send, sandbox, program in runs:
        has_begun = dice.choice([lambda: True, lambda: len(sandbox.processes()) > 1, lambda: sandbox.events("argv")])  # noqa: B023
        wait_until(has_begun, what="it begins", pause_s=0.001)
        time.sleep(dice.choice([0, 0.002, 0.01, 0.05, 0.15]))
        send(program, dice.choice([INT, TERM]))
    for send, sandbox, program in runs:
        code = program.wait(30)
        if sandbox.signals():
            assert (code, len(sandbox.signals()), len(sandbox.events("ended"))) == (1, 1, 1), (send, sandbox.events())
        else:  # so early that it killed Python, us, or a terraform that was still starting
            assert not sandbox.events("ended"), (send, program.code, program.output)
            assert code in (-INT, -TERM) or not sandbox.events(), send
        assert sandbox.nothing_is_left()

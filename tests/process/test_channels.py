from __future__ import annotations

import fcntl
import os
import random
import select
import shlex
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from harness import FAKE, HERE, Sandbox, wait_until

from tfretry.process.channels import Channel, nobody_reads
from tfretry.process.delivery import InterruptNotice
from tfretry.process.pump import Flow

EVERYWHERE = (0, 1, 2)
NOISE = """
import os, random, threading
def write(fd):
    left = random.Random(fd).randbytes(3_000_000)
    while left:
        left = left[os.write(fd, left[:random.Random(len(left)).randint(1, 9000)]):]
threads = [threading.Thread(target=write, args=[fd]) for fd in (1, 2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


def python(script):
    return [sys.executable, "-S", "-c", script]


def noise(fd):
    return random.Random(fd).randbytes(3_000_000)


def test_random_bytes_come_through_pipes(sandbox):
    """3 MB on each of stdout and stderr at once, equal to the last byte."""
    program = sandbox.drive(terraform=python(NOISE))
    assert program.wait() == 0
    assert program.output == {1: noise(1), 2: noise(2)}


def make_raw():
    import tty

    tty.setraw(0)


def test_random_bytes_come_through_a_terminal(sandbox):
    """No byte is added or lost by the terminal in between."""
    program = sandbox.drive(terraform=python(NOISE), terminal=(0, 1), before_exec=make_raw)
    assert program.wait() == 0
    assert program.output == {1: noise(1), 2: noise(2)}


def test_a_terminal_is_written_to_as_without_us(sandbox):
    """Newlines, colours and progress reach it once, and are translated once."""
    script = r"import os; os.write(1, b'a\n\x1b[31mb\x1b[0m\r\n\tc\r'); os.write(2, b'\xff\x04d\n')"
    alone = sandbox.run(python(script), terminal=EVERYWHERE)
    driven = sandbox.drive(terraform=python(script), terminal=EVERYWHERE)
    assert (alone.wait(), driven.wait()) == (0, 0)
    assert driven.output == alone.output


@pytest.mark.parametrize("terminal", [(), EVERYWHERE], ids=["pipe", "terminal"])
def test_stdout_and_stderr_on_one_file_keep_their_order(sandbox, terminal):
    """2>&1, and the terminal that is both."""
    script = "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)"
    before_exec = None if terminal else lambda: os.dup2(1, 2)
    program = sandbox.drive(terraform=python(script), terminal=terminal, before_exec=before_exec)
    assert program.wait() == 0
    assert program.output[1].split() == [b"%d" % number for number in range(2000)]


@pytest.mark.parametrize("terminal", [(), (0,), (0, 1), (2,), EVERYWHERE], ids=str)
def test_terraform_sees_terminals_where_we_have_them(sandbox, terminal):
    """Of the same size; prompts and wrapping depend on it."""
    program = sandbox.drive(fake="last=0", terminal=terminal, size=(33, 77))
    program.wait()
    start = sandbox.events("ttys")[0]
    assert start["ttys"] == [fd in terminal for fd in range(3)]
    assert start["sizes"] == [[77, 33] if fd in terminal else None for fd in range(3)]


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
def test_a_new_size_is_there_when_terraform_hears_of_it(sandbox, own):
    """The kernel's own signal comes before our terminal has the size; the one that counts comes after."""
    program = sandbox.drive(*own, terminal=EVERYWHERE, fake="last=20")
    sandbox.wait_for("ready")
    program.resize(50, 132)
    wait_until(lambda: sizes_heard_of(sandbox)[-1:] == [[[132, 50], [132, 50]]], what="the new size")
    program.type(b"\x03")
    assert program.wait() == 1


def sizes_heard_of(sandbox):
    return [event["sizes"] for event in sandbox.events("signal") if event["signal"] == "SIGWINCH"]


def test_our_terminal_is_nobodys_controlling_terminal(sandbox):
    """Not even of a session that has none, as in many CI systems."""
    script = "import os; os.open('/dev/tty', os.O_RDWR)"
    program = sandbox.drive(terraform=python(script), terminal=(1, 2), before_exec=leave_the_terminal)
    assert program.wait() == 1
    assert b"/dev/tty" in program.output[1]


def leave_the_terminal():
    import termios

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.ioctl(1, termios.TIOCNOTTY)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# More than any pipe holds, after somebody has said so; and then its own exit code.
MUCH = python("import os; os.write(1, b'ready'); os.read(0, 1); os.write(1, b'x' * 1_000_000); os._exit(5)")


def test_a_reader_that_goes_away_lets_terraform_finish(sandbox):
    """`| head -1`: bare terraform would die of SIGPIPE."""
    program = sandbox.drive(terraform=MUCH)
    program.read_until(b"ready")
    program.close_reader(1)
    program.type(b"!")
    assert program.wait() == 5
    assert program.output[2] == b""


def test_a_full_disk_lets_terraform_finish(sandbox):
    """The bytes are lost, the apply is not."""

    def full():
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    program = sandbox.drive(terraform=MUCH, before_exec=full)
    program.type(b"!")
    assert program.wait() == 5
    assert program.output == {1: b"", 2: b""}


def test_a_reader_of_stdout_that_pauses_does_not_hold_up_stderr(sandbox):
    """`| less` shows a page, the terminal goes on."""
    script = "import os; os.set_blocking(1, False); os.write(1, b'x' * 65536); os.set_blocking(1, True)\n"
    script += "import threading; threading.Thread(target=os.write, args=[1, b'x' * 200_000]).start()\n"
    script += "import time; time.sleep(0.3); os.write(2, b'something is wrong')"
    program = sandbox.drive(terraform=python(script))
    reader = next(fd for fd, target in program._readers.items() if target == 2)
    ready, _, _ = select.select([reader], [], [], 10)
    assert os.read(*ready, 100) == b"something is wrong"
    assert program.wait() == 0
    assert len(program.output[1]) == 265_536


def test_a_slow_reader_gets_everything(sandbox):
    """Nothing is dropped because nobody reads for a while."""
    program = sandbox.drive(terraform=python("import os; os.write(1, b'x' * 300_000)"))
    for _ in range(20):
        time.sleep(0.02)
        program.pump(0)
    assert program.wait() == 0
    assert len(program.output[1]) == 300_000


def test_a_stdout_that_somebody_made_non_blocking_gets_everything(sandbox):
    """Node.js does that to what it shares with us; a full pipe says EAGAIN then."""
    program = sandbox.drive(
        terraform=python("import os; os.write(1, b'x' * 300_000)"), before_exec=lambda: os.set_blocking(1, False)
    )
    time.sleep(0.5)
    assert program.wait() == 0
    assert len(program.output[1]) == 300_000


@pytest.mark.slow
def test_waiting_costs_nothing(sandbox):
    """Neither a silent terraform nor a reader that does not read keeps us busy."""
    silent = sandbox.drive(fake="silent last=30")
    stuck = sandbox.drive(terraform=python("import os; os.write(1, b'x' * 200_000)"))
    sandbox.wait_for("ready")
    time.sleep(0.5)
    spent = [ticks(program) for program in (silent, stuck)]
    time.sleep(2)
    assert max(ticks(program) - before for program, before in zip((silent, stuck), spent, strict=True)) <= 2
    assert stuck.wait() == 0


def ticks(program):
    """Hundredths of a second of processor time."""
    fields = Path(f"/proc/{program.pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.bench
def test_lines_pass_as_fast_as_through_a_bare_pipe(sandbox, capfd):
    """The ratio of their times, without our start; terraform writes each line by itself."""
    line = "aws_ecs_service.ecs: Still creating... [10s elapsed]\n"
    script = f"import os, time\nfor _ in range(1_000_000): os.write(1, {line.encode()!r})\n"
    script += "os.write(2, b'%f' % (time.monotonic() - began))"

    def seconds(run):
        program = run(python("import time; began = time.monotonic()\n" + script))
        while not program.ends_output():
            program.output[1] = b""
        assert program.wait() == 0
        return float(program.output[2])

    bare = seconds(sandbox.run)
    ours = seconds(lambda argv: sandbox.drive(terraform=argv))
    with capfd.disabled():
        print(f"\na million lines: {bare / ours:.2f} of a bare pipe's speed")  # noqa: T201


def test_a_channel_closes_each_end_once():
    """Closing is safe after the child's end has been closed already."""
    before = os.listdir("/proc/self/fd")
    channel = Channel(1)
    channel.close_child_end()
    channel.close_child_end()
    channel.close()
    assert os.listdir("/proc/self/fd") == before


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_a_flow_writes_no_more_than_there_is_room_for(pipe):
    """What does not fit is held, and written later."""
    reads, written = pipe
    flow = Flow(source=reads, target=written, watchers=())
    flow.held = memoryview(b"x" * 100_000)
    flow.write()
    assert 0 < len(flow.held) < 100_000
    got = os.read(reads, 100_000)
    flow.write()
    assert len(got) + len(os.read(reads, 100_000)) + len(flow.held) == 100_000


BANNERS = {
    b"\nInterrupt received.\nPlease wait": True,
    b"Interrupt received.\n": True,
    b"x\r\n\x1b[0m\x1b[1mInterrupt received.": True,
    b'{"@level":"info","@message":"\\nInterrupt received.\\nPlease wait"}': True,
    b"terraform_data.a (local-exec): Interrupt received.\n": False,
    b"x" * 63 + b" Interrupt received.\n" + b"y" * 63: False,
    b"Interrupt deceived.\n": False,
}


@pytest.mark.parametrize(("text", "is_banner"), BANNERS.items())
def test_terraforms_own_words_are_known_wherever_they_are_cut(text, is_banner):
    """At the start of a line or of a JSON message only."""
    for cut in range(len(text)):
        notice = InterruptNotice()
        for chunk in (text[:cut], text[cut:], b"more"):
            notice.feed(chunk)
        assert (notice.seen_at is not None) == is_banner


def shell(sandbox, terraform, *, fake="", end=""):
    """An interactive shell with job control, on a terminal of its own, that starts the driver."""
    program = sandbox.run(
        ["bash", "--norc", "--noprofile", "-i"], terminal=EVERYWHERE, fake=fake, env={"PS1": "shell> ", "TERM": "dumb"}
    )
    program.read_until(b"shell> ")
    program.type(
        shlex.join([sys.executable, str(HERE / "process_driver.py"), *terraform]).encode() + end.encode() + b"\n"
    )
    return program


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return "ended"


def sentinel_of(sandbox):
    """The process that tells us which signals its group had."""
    named = [pid for pid in sandbox.processes() if Path(f"/proc/{pid}/comm").read_text() == "cat\n"]
    return named[0] if named else None


def leave(program):
    program.type(b"exit\n")
    program.wait()


def test_ctrl_z_stops_and_fg_goes_on(sandbox):
    """As with any program: terraform stops with us, and goes on where it was; only the canary stays awake.

    It might be stopped while it is being made, and we wait for that.
    """
    program = shell(sandbox, FAKE, fake="linger=0.1")
    pid = sandbox.wait_for("ready")["pid"]
    canary = wait_until(lambda: sentinel_of(sandbox), what="the canary is there")
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    wait_until(lambda: state(pid) == "T", what="terraform is stopped too")
    assert state(canary) == "S"
    program.type(b"fg\n")
    sandbox.wait_for("signal")
    assert sandbox.events("signal")[-1]["signal"] == "SIGCONT"
    program.type(b"\x03")
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGINT"]
    leave(program)


def test_bg_lets_terraform_go_on_in_the_background(sandbox):
    """Its output goes on, and it ends there."""
    program = shell(sandbox, FAKE, fake="last=1.5")
    sandbox.wait_for("ready")
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    program.type(b"bg\n")
    sandbox.wait_for("ended")
    program.read_until(b"last words")
    wait_until(lambda: len(sandbox.processes()) == 1, what="only the shell is left")
    leave(program)


def test_a_prompt_in_the_background_stops_the_job_until_it_is_in_front(sandbox):
    """Reading from the terminal there stops all of us, as it does without us."""
    program = shell(sandbox, ["/bin/sh", "-c", "read answer; echo got=$answer"], end=" &")
    wait_until(lambda: "T" in map(state, sandbox.processes()), what="the job stops")

    def is_not_told():
        program.type(b"\n")  # bash tells of the job before its next prompt
        return b"Stopped" not in program.output[1]

    program.read_while(is_not_told, what="bash sees it stopped")
    program.type(b"fg\n")
    program.read_until(b"fg\r\n")
    program.type(b"yes\n")
    program.read_until(b"got=yes")
    leave(program)


def a_pipe():
    return os.pipe()


def a_socket():
    ours, theirs = socket.socketpair()
    return theirs.detach(), ours.detach()


def a_terminal():
    return os.openpty()


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_terminal])
def test_an_output_without_its_other_end_is_read_by_nobody(make, tmp_path):
    """Both must have lost it; a file and /dev/null have none to lose."""
    (reads, written), (alive, other) = make(), make()
    file, null = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY), os.open(os.devnull, os.O_WRONLY)
    try:
        assert not nobody_reads([written, written])
        os.close(reads)
        assert nobody_reads([written, written])
        for there in (other, file, null):
            assert not nobody_reads([written, there])
            assert not nobody_reads([there, written])
    finally:
        for fd in (written, alive, other, file, null):
            os.close(fd)

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
from harness import FAKE, HERE, STDIO, process_stat, process_state, wait_until

from tfretry.process.channels import Channel, nobody_reads
from tfretry.process.delivery import InterruptNotice
from tfretry.process.pump import Flow

RANDOM_OUTPUT = """
import os, random, threading
def write(fd):
    left = random.Random(fd).randbytes(3_000_000)
    while left:
        left = left[os.write(fd, left[:random.Random(len(left)).randint(1, 9000)]):]
threads = [threading.Thread(target=write, args=[fd]) for fd in (1, 2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def python(script):
    return [sys.executable, "-S", "-c", script]


def random_output(fd):
    return random.Random(fd).randbytes(3_000_000)


def test_random_bytes_come_through_pipes(sandbox):
    """3 MB on stdout and on stderr at the same time arrive unchanged."""
    program = sandbox.drive(terraform=python(RANDOM_OUTPUT))
    assert program.wait() == 0
    assert program.output == {1: random_output(1), 2: random_output(2)}


def make_raw():
    import tty

    tty.setraw(0)


def test_random_bytes_come_through_a_terminal(sandbox):
    """The pty in between adds and loses no byte."""
    program = sandbox.drive(terraform=python(RANDOM_OUTPUT), terminal=(0, 1), before_exec=make_raw)
    assert program.wait() == 0
    assert program.output == {1: random_output(1), 2: random_output(2)}


def test_a_terminal_shows_the_same_bytes_as_without_us(sandbox):
    """Newlines are translated once, by the real terminal."""
    script = r"import os; os.write(1, b'a\n\x1b[31mb\x1b[0m\r\n\tc\r'); os.write(2, b'\xff\x04d\n')"
    alone = sandbox.run(python(script), terminal=STDIO)
    driven = sandbox.drive(terraform=python(script), terminal=STDIO)
    assert (alone.wait(), driven.wait()) == (0, 0)
    assert driven.output == alone.output


@pytest.mark.parametrize("terminal", [(), STDIO], ids=["pipe", "terminal"])
def test_stdout_and_stderr_on_one_file_keep_their_order(sandbox, terminal):
    """`2>&1`, or a terminal for both."""
    script = "import os\nfor n in range(2000): os.write(1 + n % 2, b'%d\\n' % n)"
    before_exec = None if terminal else lambda: os.dup2(1, 2)
    program = sandbox.drive(terraform=python(script), terminal=terminal, before_exec=before_exec)
    assert program.wait() == 0
    assert program.output[1].split() == [b"%d" % number for number in range(2000)]


@pytest.mark.parametrize("terminal", [(), (0,), (0, 1), (2,), STDIO], ids=str)
def test_terraform_sees_terminals_where_we_have_them(sandbox, terminal):
    """They have the same size; prompts and line wrapping depend on it."""
    program = sandbox.drive(fake="last=0", terminal=terminal, size=(33, 77))
    program.wait()
    start = sandbox.events("ttys")[0]
    assert start["ttys"] == [fd in terminal for fd in range(3)]
    assert start["sizes"] == [[77, 33] if fd in terminal else None for fd in range(3)]


@pytest.mark.parametrize("options", [(), ("--without-linux",)])
def test_a_new_size_is_set_when_terraform_receives_sigwinch(sandbox, options):
    """The kernel signals terraform before our pty has the new size; we signal it afterwards."""
    program = sandbox.drive(*options, terminal=STDIO, fake="last=20")
    sandbox.wait_for("ready")
    program.resize(50, 132)
    wait_until(lambda: sizes_at_sigwinch(sandbox)[-1:] == [[[132, 50], [132, 50]]], what="the new size")
    program.type(b"\x03")
    assert program.wait() == 1


def sizes_at_sigwinch(sandbox):
    return [event["sizes"] for event in sandbox.events("signal") if event["signal"] == "SIGWINCH"]


def test_our_pty_is_no_controlling_terminal(sandbox):
    """Not even in a session that has none, as on many CI systems."""
    script = "import os; os.open('/dev/tty', os.O_RDWR)"
    program = sandbox.drive(terraform=python(script), terminal=(1, 2), before_exec=detach_from_terminal)
    assert program.wait() == 1
    assert b"/dev/tty" in program.output[1]


def detach_from_terminal():
    import termios

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.ioctl(1, termios.TIOCNOTTY)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# After a byte of input it writes more than a pipe holds, then exits with 5.
MUCH = python("import os; os.write(1, b'ready'); os.read(0, 1); os.write(1, b'x' * 1_000_000); os._exit(5)")


def test_a_reader_that_goes_away_lets_terraform_finish(sandbox):
    """`| head -1`: without us terraform would die of SIGPIPE."""
    program = sandbox.drive(terraform=MUCH)
    program.read_until(b"ready")
    program.close_reader(1)
    program.type(b"!")
    assert program.wait() == 5
    assert program.output[2] == b""


def test_a_full_disk_lets_terraform_finish(sandbox):
    """Its output is lost, but its state is not."""

    def full():
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    program = sandbox.drive(terraform=MUCH, before_exec=full)
    program.type(b"!")
    assert program.wait() == 5
    assert program.output == {1: b"", 2: b""}


def test_a_reader_of_stdout_that_pauses_does_not_delay_stderr(sandbox):
    """`| less` shows one page, and errors still appear."""
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
    """No output is discarded while the reader pauses."""
    program = sandbox.drive(terraform=python("import os; os.write(1, b'x' * 300_000)"))
    for _ in range(20):
        time.sleep(0.02)
        program.pump(0)
    assert program.wait() == 0
    assert len(program.output[1]) == 300_000


def test_a_non_blocking_stdout_gets_everything(sandbox):
    """Node.js sets O_NONBLOCK on descriptors that it shares with us; a full pipe then gives EAGAIN."""
    program = sandbox.drive(
        terraform=python("import os; os.write(1, b'x' * 300_000)"), before_exec=lambda: os.set_blocking(1, False)
    )
    time.sleep(0.5)
    assert program.wait() == 0
    assert len(program.output[1]) == 300_000


@pytest.mark.slow
def test_waiting_uses_no_processor_time(sandbox):
    """Neither for a silent terraform nor for a reader that pauses."""
    silent = sandbox.drive(fake="silent last=30")
    stuck = sandbox.drive(terraform=python("import os; os.write(1, b'x' * 200_000)"))
    sandbox.wait_for("ready")
    time.sleep(0.5)
    used = [ticks(program) for program in (silent, stuck)]
    time.sleep(2)
    assert max(ticks(program) - before for program, before in zip((silent, stuck), used, strict=True)) <= 2
    assert stuck.wait() == 0


def ticks(program):
    """Return the processor time that *program* has used, in hundredths of a second."""
    fields = process_stat(program.pid)
    return int(fields[11]) + int(fields[12])


@pytest.mark.bench
def test_lines_pass_as_fast_as_through_a_bare_pipe(sandbox, capfd):
    """Print the ratio of the times, without our start; terraform writes each line with its own write()."""
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
    """Closing the child's end twice does no harm."""
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
    """The rest is kept, and written later."""
    read_end, write_end = pipe
    flow = Flow(source=read_end, target=write_end, watchers=())
    flow.unwritten = memoryview(b"x" * 100_000)
    flow.write()
    assert 0 < len(flow.unwritten) < 100_000
    first = os.read(read_end, 100_000)
    flow.write()
    assert len(first) + len(os.read(read_end, 100_000)) + len(flow.unwritten) == 100_000


NOTICES = {
    b"\nInterrupt received.\nPlease wait": True,
    b"Interrupt received.\n": True,
    b"x\r\n\x1b[0m\x1b[1mInterrupt received.": True,
    b'{"@level":"info","@message":"\\nInterrupt received.\\nPlease wait"}': True,
    b"terraform_data.a (local-exec): Interrupt received.\n": False,
    b"x" * 63 + b" Interrupt received.\n" + b"y" * 63: False,
    b"Interrupt deceived.\n": False,
}


@pytest.mark.parametrize(("text", "is_notice"), NOTICES.items())
def test_the_notice_of_an_interrupt_is_found_wherever_it_is_cut(text, is_notice):
    """Only at the start of a line or of a JSON message."""
    for cut in range(len(text)):
        notice = InterruptNotice()
        for chunk in (text[:cut], text[cut:], b"more"):
            notice.feed(chunk)
        assert (notice.seen_at is not None) == is_notice


def shell(sandbox, terraform, *, fake="", end=""):
    """Start an interactive shell with job control on a terminal, and the process driver from it."""
    program = sandbox.run(
        ["bash", "--norc", "--noprofile", "-i"], terminal=STDIO, fake=fake, env={"PS1": "shell> ", "TERM": "dumb"}
    )
    program.read_until(b"shell> ")
    program.type(
        shlex.join([sys.executable, str(HERE / "process_driver.py"), *terraform]).encode() + end.encode() + b"\n"
    )
    return program


def canary_of(sandbox):
    named = [pid for pid in sandbox.processes() if Path(f"/proc/{pid}/comm").read_text() == "cat\n"]
    return named[0] if named else None


def exit_shell(program):
    program.type(b"exit\n")
    program.wait()


def test_ctrl_z_stops_and_fg_continues(sandbox):
    """As with any program. Only the canary is not stopped: we would wait for ever if that happened before its exec."""
    program = shell(sandbox, FAKE, fake="linger=0.1")
    pid = sandbox.wait_for("ready")["pid"]
    canary = wait_until(lambda: canary_of(sandbox), what="the canary is started")
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    wait_until(lambda: process_state(pid) == "T", what="terraform is stopped too")
    assert process_state(canary) == "S"
    program.type(b"fg\n")
    sandbox.wait_for("signal")
    assert sandbox.events("signal")[-1]["signal"] == "SIGCONT"
    program.type(b"\x03")
    sandbox.wait_for("ended")
    assert sandbox.signals() == ["SIGINT"]
    exit_shell(program)


def test_bg_lets_terraform_run_in_the_background(sandbox):
    """Its output appears, and it ends there."""
    program = shell(sandbox, FAKE, fake="last=1.5")
    sandbox.wait_for("ready")
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    program.type(b"bg\n")
    sandbox.wait_for("ended")
    program.read_until(b"last words")
    wait_until(lambda: len(sandbox.processes()) == 1, what="only the shell is left")
    exit_shell(program)


def test_a_prompt_in_the_background_stops_the_job_until_it_is_in_the_foreground(sandbox):
    """Reading from the terminal stops the whole job there, as without us."""
    program = shell(sandbox, ["/bin/sh", "-c", "read answer; echo got=$answer"], end=" &")
    wait_until(lambda: "T" in map(process_state, sandbox.processes()), what="the job stops")

    def is_unreported():
        program.type(b"\n")  # bash reports on jobs before its next prompt
        return b"Stopped" not in program.output[1]

    program.read_while(is_unreported, what="bash reports that it stopped")
    program.type(b"fg\n")
    program.read_until(b"fg\r\n")
    program.type(b"yes\n")
    program.read_until(b"got=yes")
    exit_shell(program)


def a_pipe():
    return os.pipe()


def a_socket():
    ours, theirs = socket.socketpair()
    return theirs.detach(), ours.detach()


def a_terminal():
    return os.openpty()


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_terminal])
def test_nobody_reads_if_the_other_end_of_both_outputs_is_closed(make, tmp_path):
    """Files and /dev/null have no other end."""
    (read_end, write_end), (other_read_end, other_write_end) = make(), make()
    file, null = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY), os.open(os.devnull, os.O_WRONLY)
    try:
        assert not nobody_reads([write_end, write_end])
        os.close(read_end)
        assert nobody_reads([write_end, write_end])
        for still_open in (other_write_end, file, null):
            assert not nobody_reads([write_end, still_open])
            assert not nobody_reads([still_open, write_end])
    finally:
        for fd in (write_end, other_read_end, other_write_end, file, null):
            os.close(fd)

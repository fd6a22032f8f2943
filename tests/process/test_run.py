from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import (
    DISPOSITIONS,
    FAKE,
    HERE,
    STDIO,
    hang_up,
    press_ctrl_c,
    process_state,
    three_resources,
    to_group,
    to_us,
    wait_until,
)

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError
from tfretry.process import signalmask
from tfretry.process.run import run_terraform, run_to_files, run_watched
from tfretry.process.signals import Signals, exit_like

LONG_OUTPUT = [sys.executable, "-c", "import os; os.write(1, b'x' * 100_000); open('ended', 'w')"]
LISTING = [shutil.which("sh"), "-c", 'for fd in /proc/$$/fd/*; do [ -e $fd ] && echo "${fd##*/}"; done; exec 9<&-; pwd']


@pytest.fixture
def signals():
    mask = signalmask.block()
    with Signals(mask) as signals:
        yield signals


def quietly(argv, signals):
    return run_watched(argv, signals=signals, watch=len)


@pytest.mark.slow
def test_every_exit_code_is_terraforms(signals):
    """All of 0 to 255."""
    shell = shutil.which("sh")
    codes = [quietly([shell, "-c", f"exit {code}"], signals).exit_code for code in range(256)]
    assert codes == list(range(256))


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGPIPE])
def test_we_die_of_the_signal_that_killed_terraform(sandbox, signo):
    """Our parent sees the same status; we dump no core."""
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    folder = sandbox.folder / "work"
    folder.mkdir()
    program = sandbox.drive(
        fake=f"last=0 die={int(signo)}",
        cwd=folder,
        before_exec=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited),
    )
    assert program.wait() == -signo
    assert not program.dumped_core


def test_as_pid_1_we_exit_with_128_plus_the_signal(sandbox):
    """A signal that PID 1 sends itself does not kill it."""
    namespace = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespaces here: run as root to see this")
    driver = [sys.executable, str(HERE / "process_driver.py"), *FAKE]
    program = sandbox.run([*namespace, *driver], fake=f"last=0 die={int(signal.SIGKILL)}")
    assert program.wait() == 128 + signal.SIGKILL


def test_exit_like_returns_an_exit_code():
    """It dies only of a negative number."""
    assert exit_like(3) == 3


def test_arguments_environment_and_folder_arrive_as_without_us(sandbox):
    """Also empty arguments, newlines, and bytes that are not UTF-8."""
    arguments = ["apply", "", "two\nlines", "*", "-var=a=b c", os.fsdecode(b"\xff\xfe=\x80"), "ä", "--", "$HOME"]
    odd = {os.fsdecode(b"NAME\xff"): os.fsdecode(b"\x80value\n")}
    folder = sandbox.folder / os.fsdecode(b"folder \xe9")
    folder.mkdir()
    recorded = []
    for run in (sandbox.run, lambda argv, **options: sandbox.drive(terraform=argv, **options)):
        run([*FAKE, *arguments], fake="last=0", cwd=folder, env=odd).wait()
        recorded.append([{**event, "pid": 0, "at": 0} for event in sandbox.events("argv")][-1])
    alone, driven = recorded
    assert driven["argv"] == [os.fsencode(argument).hex() for argument in arguments]
    assert driven["environ"].pop(b"TFRETRY_RUNNING".hex())  # the one variable that we add
    for key in ("argv", "environ", "cwd"):
        assert driven[key] == alone[key]


def test_no_variable_is_added_in_the_c_locale(sandbox, monkeypatch):
    """Python adds LC_CTYPE to its own environment there, also the one that runs this test."""
    for name in ("LC_ALL", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    env = shutil.which("env")
    for drive in (
        lambda: sandbox.run([env], env={"LANG": "C"}),
        lambda: sandbox.drive(terraform=[env], env={"LANG": "C"}),
    ):
        program = drive()
        assert program.wait() == 0
        assert b"LC_CTYPE" not in program.output[1]


def test_a_terraform_whose_path_is_not_utf8_runs(sandbox):
    """Paths are bytes."""
    folder = sandbox.folder / os.fsdecode(b"bin \xff")
    folder.mkdir()
    binary = folder / "terraform"
    binary.write_text("#!/bin/sh\necho it runs\n")
    binary.chmod(0o755)
    program = sandbox.drive(terraform=[binary])
    assert program.wait() == 0
    assert program.output[1] == b"it runs\n"


def hold_more_descriptors():
    for fd in (3, 7):
        os.dup2(0, fd)
    os.set_inheritable(os.dup2(0, 8), False)


def closed(*fds):
    def close():
        for fd in fds:
            os.close(fd)

    return close


@pytest.mark.parametrize("before_exec", [None, hold_more_descriptors], ids=["none", "some"])
@pytest.mark.parametrize("terminal", [(), STDIO, (0, 1)], ids=str)
def test_descriptors_arrive_as_without_us(sandbox, terminal, before_exec):
    """Terraform inherits those that our caller passes, and none of ours."""
    alone = sandbox.run(LISTING, terminal=terminal, before_exec=before_exec)
    alone.wait()
    driven = sandbox.drive(terraform=LISTING, terminal=terminal, before_exec=before_exec)
    driven.wait()
    assert alone.output[1].split()[:3] == [b"0", b"1", b"2"]
    assert driven.output[1].replace(b"\r", b"") == alone.output[1].replace(b"\r", b"")


def ignoring(*numbers):
    def ignore():
        for signo in numbers:
            signal.signal(signo, signal.SIG_IGN)

    return ignore


def blocking(*numbers):
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


@pytest.mark.parametrize("options", [(), ("--without-linux",)])
@pytest.mark.parametrize(
    "before_exec",
    [
        None,
        ignoring(signal.SIGINT, signal.SIGQUIT),
        ignoring(signal.SIGCHLD, signal.SIGTERM),
        blocking(signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD),
    ],
)
def test_dispositions_and_mask_arrive_as_without_us(sandbox, before_exec, options):
    """Except SIGHUP, which terraform ignores under us."""
    alone = sandbox.run(DISPOSITIONS, before_exec=before_exec)
    alone.wait()
    driven = sandbox.drive(*options, terraform=DISPOSITIONS, before_exec=before_exec)
    assert driven.wait() == 0
    sighup = 1 << (signal.SIGHUP - 1)
    expected = dict(line.split() for line in alone.output[1].decode().splitlines())
    expected["SigIgn:"] = f"{int(expected['SigIgn:'], 16) | sighup:016x}"
    assert dict(line.split() for line in driven.output[1].decode().splitlines()) == expected


@pytest.mark.parametrize("terminal", [(), STDIO], ids=str)
def test_group_and_session_are_ours(sandbox, terminal):
    """So Ctrl-C, Ctrl-Z and hang-ups work as in a shell."""
    program = sandbox.drive(fake="last=0", terminal=terminal)
    program.wait()
    start = sandbox.events("group")[0]
    assert start["group"] == start["session"] == program.pid


def test_canary_and_guardian_hold_no_descriptor_of_our_caller(sandbox):
    """A lock or a pipe of our caller is inherited by terraform only."""
    held = sandbox.folder / "held"
    program = sandbox.drive(before_exec=lambda: os.dup2(os.open(held, os.O_CREAT | os.O_WRONLY), 5))
    terraform = sandbox.wait_for("ready")["pid"]

    def holders():
        links = [link for pid in sandbox.processes() for link in Path(f"/proc/{pid}/fd").glob("*")]
        return {int(link.parts[2]) for link in links if os.path.realpath(link) == str(held)}

    wait_until(lambda: len(sandbox.processes()) == 4, what="we, terraform, the guardian and the canary run")
    wait_until(lambda: holders() == {program.pid, terraform}, what="only we and terraform hold it")


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_descriptors_do_no_harm(sandbox, which):
    """Terraform gets /dev/null there; without us, Go's runtime opens it."""
    program = sandbox.drive(fake="last=0 exit=4", before_exec=closed(*which))
    assert program.wait() == 4
    start = sandbox.events("fds")[0]
    assert start["fds"] == [0, 1, 2]


def test_a_prompt_appears_and_takes_an_answer(sandbox):
    """It has no newline; terraform waits for the answer, which comes through the pipe."""
    program = sandbox.drive(fake="ask last=0.5")
    program.read_until(b"Enter a value: ")
    program.type(b"yes\n")
    assert sandbox.wait_for("answer")["answer"] == "yes\n"
    assert program.wait() == 0


def test_a_secret_is_not_echoed(sandbox):
    """Terraform switches echo off on the real terminal."""
    program = sandbox.drive(terminal=STDIO, fake="ask secret last=0")
    program.read_until(b"Enter a value: ")
    program.type(b"hunter2\n")
    assert program.wait() == 0
    assert sandbox.events("answer")[0]["answer"] == "hunter2\n"
    assert b"hunter2" not in program.output[1]


@pytest.mark.parametrize("options", [(), ("--attempts", "2")])
def test_echo_is_restored_if_terraform_dies_at_a_secret_prompt(sandbox, options):
    """Terraform cannot do it."""
    program = sandbox.drive(*options, terminal=STDIO, fake="ask secret")
    program.read_until(b"Enter a value: ")
    with program.echoes() as echoes:
        assert not echoes()
        os.kill(sandbox.wait_for("asks")["pid"], signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
        assert echoes()


def test_a_grandchild_that_holds_our_output_does_not_keep_us_waiting(sandbox):
    """We exit two seconds after terraform at the latest, and have written all of its own output."""
    script = "sleep 30 & echo last words"
    began = time.monotonic()
    program = sandbox.drive(terraform=["/bin/sh", "-c", script])
    assert program.wait() == 0
    assert time.monotonic() - began < 20
    assert program.output[1] == b"last words\n"


def test_a_grandchild_that_prints_for_ever_does_not_keep_us_waiting(sandbox):
    """The limit of two seconds applies to it too."""
    program = sandbox.drive(terraform=["/bin/sh", "-c", "yes & echo last words"])
    program.read_while(lambda: not program.has_ended(), what="our exit")
    assert program.code == 0
    assert b"last words\n" in program.output[1]


@pytest.mark.slow
def test_the_last_output_reaches_a_slow_reader(sandbox):
    """Even if it begins to read long after terraform's exit."""
    program = sandbox.drive(terraform=LONG_OUTPUT, cwd=sandbox.folder)
    wait_until((sandbox.folder / "ended").exists, what="terraform ends")
    time.sleep(2.5)
    assert program.wait() == 0
    assert program.output[1] == b"x" * 100_000


@pytest.mark.parametrize(
    ("terraform", "terminal"),
    [
        pytest.param(LONG_OUTPUT, (), id="pipe", marks=pytest.mark.slow),
        pytest.param(["/bin/sh", "-c", "yes | head -c 20000; touch ended"], STDIO, id="terminal"),
    ],
)
def test_a_signal_ends_the_wait_for_a_reader_that_never_reads(sandbox, terraform, terminal):
    """Otherwise only SIGKILL would end us. A terminal takes no byte after Ctrl-S, or if its connection hangs."""
    program = sandbox.drive(terraform=terraform, cwd=sandbox.folder, terminal=terminal)
    wait_until((sandbox.folder / "ended").exists, what="terraform ends")
    time.sleep(0.2)
    os.kill(program.pid, signal.SIGTERM)
    wait_until(program.has_ended, what="our exit")
    assert program.code == 0


def test_a_consumer_that_fails_does_not_stop_the_output(sandbox):
    """The outcome says that the consumer has not seen everything."""
    outcome = sandbox.folder / "outcome"
    program = sandbox.drive("--broken-consumer", "--outcome", outcome, fake="last=0")
    assert program.wait() == 0
    assert program.output == {1: b"ready\nlast words\n", 2: b""}
    assert "watched=False" in outcome.read_text()


def test_the_consumer_is_fed_the_bytes_of_each_channel(signals, capfd):
    """Of 1, which is stdout, and of 2, which is stderr."""
    seen = {1: b"", 2: b""}

    def feed(channel, chunk):
        seen[channel] += chunk

    outcome = run_terraform(["/bin/sh", "-c", "echo out; echo err >&2; exit 5"], signals=signals, feed=feed)
    assert (outcome.exit_code, outcome.received_signal, outcome.watched) == (5, None, True)
    assert outcome.stderr_channel == 2
    assert seen == {1: b"out\n", 2: b"err\n"}
    assert capfd.readouterr() == ("out\n", "err\n")


def test_stdout_and_stderr_on_one_file_are_one_channel(signals, capfd):
    """So that the order of their bytes is kept."""
    seen = []
    stderr = os.dup(2)
    os.dup2(1, 2)
    try:
        outcome = run_terraform(
            ["/bin/sh", "-c", "echo out; echo err >&2"],
            signals=signals,
            feed=lambda channel, chunk: seen.append((channel, chunk)),
        )
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    assert outcome.stderr_channel == 1
    assert {channel for channel, _ in seen} == {1}
    assert b"".join(chunk for _, chunk in seen) == b"out\nerr\n"
    assert capfd.readouterr() == ("out\nerr\n", "")


def test_a_file_that_cannot_be_executed_is_an_error(signals, tmp_path):
    """Also one that the kernel refuses."""
    script = tmp_path / "terraform"
    script.write_text("no interpreter is named here")
    with pytest.raises(TerraformNotFoundError, match="does not exist or is not executable"):
        quietly([str(script)], signals)
    script.chmod(0o755)
    with pytest.raises(TerraformNotExecutableError, match=r"terraform: Exec format error\Z"):
        quietly([str(script)], signals)


def test_no_descriptor_is_left_open(signals):
    """However many attempts there are."""
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        run_terraform(["/bin/true"], signals=signals, feed=lambda _channel, _chunk: None)
    assert os.listdir("/proc/self/fd") == before


def test_arguments_are_not_logged(signals, caplog):
    """Values of -var may be secrets, and sh logs every argument."""
    with caplog.at_level(0):
        quietly(["/bin/true", "-var=password=hunter2"], signals)
    assert "hunter2" not in caplog.text


@pytest.mark.slow
def test_much_output_needs_little_memory(sandbox):
    """Copying 300 MB takes less than 64 MB."""
    script = "import os\nfor _ in range(300 * 16): os.write(1, b'x' * 65536)\nos.write(2, b'done')\nos.read(0, 1)"
    program = sandbox.drive(terraform=[sys.executable, "-c", script])
    sizes = []

    def take():
        sizes.append(len(program.output[1]))
        program.output[1] = b""
        program.pump(0.1)
        return program.output[2] == b"done"

    wait_until(take, what="everything is read", pause_s=0)
    status = Path(f"/proc/{program.pid}/status").read_text()
    program.close_stdin()
    assert program.wait() == 0
    assert sum(sizes) + len(program.output[1]) == 300 << 20
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < 64 * 1024


def stop_reading(program, _signo):
    program.close_reader(1)


@pytest.mark.parametrize(
    ("terminal", "act", "code", "created"),
    [
        (STDIO, press_ctrl_c, 1, {"first", "second"}),
        (STDIO, to_us, 1, {"first", "second"}),
        ((), to_us, 1, {"first", "second"}),
        ((), to_group, 1, {"first", "second"}),
        (STDIO, hang_up, 1, {"first", "second"}),
        ((), stop_reading, 0, {"first", "second", "third"}),
    ],
)
def test_real_terraform_keeps_its_state(sandbox, real_terraform, terminal, act, code, created):
    """We wait for it; all created resources are in the state, and the lock is removed."""
    (sandbox.folder / "main.tf").write_text(three_resources("echo started; touch started; sleep 1; echo finished"))
    program = sandbox.drive(
        terraform=[real_terraform], arguments=["apply", "-auto-approve"], terminal=terminal, cwd=sandbox.folder
    )
    program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the second resource is being created")
    act(program, signal.SIGTERM)
    assert program.wait() == code
    assert sandbox.nothing_is_left()
    assert sandbox.resources() == created


@pytest.mark.parametrize("answer", [b"no\n", b"yes\n"])
def test_real_terraform_asks_and_is_answered(sandbox, real_terraform, answer):
    """The prompt of an interactive apply appears, and the answer arrives."""
    (sandbox.folder / "main.tf").write_text('resource "terraform_data" "first" {}')
    program = sandbox.drive(terraform=[real_terraform], arguments=["apply"], terminal=STDIO, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    program.type(answer)
    assert program.wait() == (0 if answer == b"yes\n" else 1)
    assert (b"Apply complete!" in program.output[1]) == (answer == b"yes\n")


def test_ctrl_c_at_real_terraforms_prompt_ends_it(sandbox, real_terraform):
    """The terminal echoes again."""
    (sandbox.folder / "main.tf").write_text('variable "secret" { sensitive = true }')
    program = sandbox.drive(terraform=[real_terraform], arguments=["apply"], terminal=STDIO, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    with program.echoes() as echoes:
        wait_until(lambda: not echoes(), what="terraform switches echo off")
        program.type(b"\x03")
        assert program.wait() in (1, 255)  # as without us: from terraform, or from its password reader
        assert echoes()


def test_a_run_whose_output_goes_to_files_waits_for_no_other_writer(signals, tmp_path):
    """A child that a wrapper of terraform leaves behind delays no question to terraform."""
    with open(tmp_path / "out", "w+b") as out:
        script = ["/bin/sh", "-c", "sleep 60 & echo $!"]
        assert run_to_files(script, signals=signals, stdout=out.fileno(), stderr=out.fileno()).exit_code == 0
        out.seek(0)
        writer = int(out.read())
    assert process_state(writer) in "SRD"
    os.kill(writer, signal.SIGKILL)

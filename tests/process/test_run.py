from __future__ import annotations

import json
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
from harness import FAKE, HERE, Sandbox, wait_until

from tfretry.errors import TerraformNotExecutableError, TerraformNotFoundError
from tfretry.process import signalmask
from tfretry.process.run import run_quietly, run_terraform
from tfretry.process.signals import Signals, exit_like

EVERYWHERE = (0, 1, 2)
DISPOSITIONS = ["grep", "-E", "^Sig(Blk|Ign|Cgt)|^ShdPnd", "/proc/self/status"]
LONG_LAST_WORDS = [sys.executable, "-c", "import os; os.write(1, b'x' * 100_000); open('ended', 'w')"]
LISTING = ["sh", "-c", 'for fd in /proc/$$/fd/*; do [ -e "$fd" ] && echo "${fd##*/}"; done; exec 9<&-; pwd']


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


@pytest.fixture
def signals():
    mask = signalmask.block()
    with Signals(mask) as signals:
        yield signals


def quietly(argv, signals):
    with open(os.devnull, "wb") as null:
        return run_quietly(argv, signals=signals, stdout=null.fileno(), stderr=null.fileno())


@pytest.mark.slow
def test_every_exit_code_is_terraforms(signals):
    """0 to 255, as they are."""
    shell = shutil.which("sh")
    codes = [quietly([shell, "-c", f"exit {code}"], signals).exit_code for code in range(256)]
    assert codes == list(range(256))


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGPIPE])
def test_we_die_of_what_terraform_died_of(sandbox, signo):
    """Whoever waits for us sees the same death, and no core of ours beside terraform's."""
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


def test_death_is_told_by_the_exit_code_where_no_signal_kills_us(sandbox):
    """PID 1 is not killed by a signal of its own."""
    namespace = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespaces here: run as root to see this")
    driver = [sys.executable, str(HERE / "process_driver.py"), *FAKE]
    program = sandbox.run([*namespace, *driver], fake=f"last=0 die={int(signal.SIGKILL)}")
    assert program.wait() == 128 + signal.SIGKILL


def test_an_outcome_without_a_death_is_an_exit_code():
    """exit_like returns where there is nothing to die of."""
    assert exit_like(3) == 3


def test_arguments_environment_and_folder_arrive_as_without_us(sandbox):
    """Empty ones, newlines, and bytes that are no text."""
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
    """Python adds LC_CTYPE to its own environment there; so may the one that runs this test."""
    monkeypatch.delenv("LC_CTYPE", raising=False)
    env = shutil.which("env")
    for drive in (
        lambda: sandbox.run([env], env={"LANG": "C"}),
        lambda: sandbox.drive(terraform=[env], env={"LANG": "C"}),
    ):
        program = drive()
        assert program.wait() == 0
        assert b"LC_CTYPE" not in program.output[1]


def test_a_terraform_whose_path_is_no_text_runs(sandbox):
    """Its path is bytes, as all paths are."""
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
@pytest.mark.parametrize("terminal", [(), EVERYWHERE, (0, 1)], ids=str)
def test_descriptors_arrive_as_without_us(sandbox, terminal, before_exec):
    """Those that our caller passes, and none of ours."""
    alone = sandbox.run(LISTING, terminal=terminal, before_exec=before_exec)
    alone.wait()
    listing = [shutil.which("sh"), *LISTING[1:]]
    driven = sandbox.drive(terraform=listing, terminal=terminal, before_exec=before_exec)
    driven.wait()
    assert driven.output[1].replace(b"\r", b"") == alone.output[1].replace(b"\r", b"")


def ignoring(*numbers):
    def ignore():
        for signo in numbers:
            signal.signal(signo, signal.SIG_IGN)

    return ignore


def blocking(*numbers):
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


@pytest.mark.parametrize("own", [(), ("--elsewhere",)])
@pytest.mark.parametrize(
    "before_exec",
    [
        None,
        ignoring(signal.SIGINT, signal.SIGQUIT),
        ignoring(signal.SIGCHLD, signal.SIGTERM),
        blocking(signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD),
    ],
)
def test_dispositions_and_mask_arrive_as_without_us(sandbox, before_exec, own):
    """But SIGHUP, which terraform is to survive."""
    alone = sandbox.run(DISPOSITIONS, before_exec=before_exec)
    alone.wait()
    grep = [shutil.which("grep"), *DISPOSITIONS[1:]]
    driven = sandbox.drive(*own, terraform=grep, before_exec=before_exec)
    assert driven.wait() == 0
    hang_up = 1 << (signal.SIGHUP - 1)
    expected = dict(line.split() for line in alone.output[1].decode().splitlines())
    expected["SigIgn:"] = f"{int(expected['SigIgn:'], 16) | hang_up:016x}"
    assert dict(line.split() for line in driven.output[1].decode().splitlines()) == expected


@pytest.mark.parametrize("terminal", [(), EVERYWHERE], ids=str)
def test_group_and_session_are_ours(sandbox, terminal):
    """Then Ctrl-C, Ctrl-Z and hang-ups work as in a shell."""
    program = sandbox.drive(fake="last=0", terminal=terminal)
    program.wait()
    start = sandbox.events("group")[0]
    assert start["group"] == start["session"] == program.pid


def test_helpers_hold_nothing_that_our_caller_passes(sandbox):
    """A lock or a pipe of our caller's is terraform's and ours alone: the canary and the guardian close it."""
    held = sandbox.folder / "held"
    program = sandbox.drive(before_exec=lambda: os.dup2(os.open(held, os.O_CREAT | os.O_WRONLY), 5))
    terraform = sandbox.wait_for("ready")["pid"]

    def holders():
        links = [link for pid in sandbox.processes() for link in Path(f"/proc/{pid}/fd").glob("*")]
        return {int(link.parts[2]) for link in links if os.path.realpath(link) == str(held)}

    wait_until(lambda: len(sandbox.processes()) == 4, what="we, terraform, the guardian and the canary are there")
    wait_until(lambda: holders() == {program.pid, terraform}, what="only we and terraform hold it")


@pytest.mark.parametrize("which", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_descriptors_do_no_harm(sandbox, which):
    """Terraform finds /dev/null there, as Go programs do without us."""
    program = sandbox.drive(fake="last=0 exit=4", before_exec=closed(*which))
    assert program.wait() == 4
    start = sandbox.events("fds")[0]
    assert start["fds"] == [0, 1, 2]


def test_a_prompt_appears_at_once_and_takes_an_answer(sandbox):
    """It has no newline, and on a pipe the answer comes through the pipe."""
    program = sandbox.drive(fake="ask last=0.5")
    asked = sandbox.wait_for("asks")["at"]
    program.read_until(b"Enter a value: ")
    assert time.monotonic() - asked < 0.2
    program.type(b"yes\n")
    assert sandbox.wait_for("answer")["answer"] == "yes\n"
    assert program.wait() == 0


def test_a_secret_is_not_echoed(sandbox):
    """Terraform switches echo off on the real terminal."""
    program = sandbox.drive(terminal=EVERYWHERE, fake="ask secret last=0")
    program.read_until(b"Enter a value: ")
    program.type(b"hunter2\n")
    assert program.wait() == 0
    assert sandbox.events("answer")[0]["answer"] == "hunter2\n"
    assert b"hunter2" not in program.output[1]


@pytest.mark.parametrize("own", [(), ("--attempts", "2")])
def test_echo_comes_back_when_terraform_dies_at_a_secret_prompt(sandbox, own):
    """The terminal is as it was before."""
    program = sandbox.drive(*own, terminal=EVERYWHERE, fake="ask secret")
    program.read_until(b"Enter a value: ")
    with program.echoes() as echoes:
        assert not echoes()
        os.kill(sandbox.wait_for("asks")["pid"], signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
        assert echoes()


def test_a_grandchild_that_holds_our_output_does_not_hold_us(sandbox):
    """Terraform has ended: two seconds later at most, so have we; its own last words are there."""
    script = "sleep 30 & echo last words"
    began = time.monotonic()
    program = sandbox.drive(terraform=["/bin/sh", "-c", script])
    assert program.wait() == 0
    assert time.monotonic() - began < 4
    assert program.output[1] == b"last words\n"


def test_a_grandchild_that_never_stops_talking_does_not_hold_us(sandbox):
    """Neither one that is silent nor one that is not."""
    program = sandbox.drive(terraform=["/bin/sh", "-c", "yes & echo last words"])
    program.read_while(lambda: not program.has_ended(), what="our end")
    assert program.code == 0
    assert b"last words\n" in program.output[1]


@pytest.mark.slow
def test_last_words_reach_a_slow_reader(sandbox):
    """Terraform has ended long ago; the reader has only now begun to read."""
    program = sandbox.drive(terraform=LONG_LAST_WORDS, cwd=sandbox.folder)
    wait_until((sandbox.folder / "ended").exists, what="terraform ends")
    time.sleep(2.5)
    assert program.wait() == 0
    assert program.output[1] == b"x" * 100_000


@pytest.mark.slow
def test_a_signal_ends_the_wait_for_a_reader_that_never_reads(sandbox):
    """Else only SIGKILL would."""
    program = sandbox.drive(terraform=LONG_LAST_WORDS, cwd=sandbox.folder)
    wait_until((sandbox.folder / "ended").exists, what="terraform ends")
    time.sleep(0.2)
    os.kill(program.pid, signal.SIGTERM)
    wait_until(program.has_ended, what="we end", deadline_s=5)
    assert program.code == 0


def test_a_signal_ends_the_wait_for_a_terminal_that_stands_still(sandbox):
    """As Ctrl-S or a connection that hangs leave it: nothing more can be written there, not even a part."""
    program = sandbox.drive(
        terraform=["/bin/sh", "-c", "yes | head -c 20000; touch ended"], cwd=sandbox.folder, terminal=EVERYWHERE
    )
    wait_until((sandbox.folder / "ended").exists, what="terraform ends")
    time.sleep(0.2)
    os.kill(program.pid, signal.SIGTERM)
    wait_until(program.has_ended, what="we end", deadline_s=8)
    assert program.code == 0


def test_a_watcher_that_fails_stops_nothing(sandbox):
    """The bytes go on; the outcome says that not all has been seen."""
    outcome = sandbox.folder / "outcome"
    program = sandbox.drive("--broken-watcher", "--outcome", outcome, fake="last=0")
    assert program.wait() == 0
    assert program.output == {1: b"ready\nlast words\n", 2: b""}
    assert "watched=False" in outcome.read_text()


def test_watchers_see_what_passes(signals, capfd):
    """Each channel's bytes, and nothing else."""
    seen = {1: b"", 2: b""}

    def watch(channel):
        def keep(chunk):
            seen[channel] += chunk

        return keep

    outcome = run_terraform(["/bin/sh", "-c", "echo out; echo err >&2; exit 5"], signals=signals, watch=watch)
    assert (outcome.exit_code, outcome.received_signal, outcome.watched) == (5, None, True)
    assert seen == {1: b"out\n", 2: b"err\n"}
    assert capfd.readouterr() == ("out\n", "err\n")


def test_nothing_that_is_no_program_runs(signals, tmp_path):
    """What cannot be executed is 126, what is not there 127."""
    script = tmp_path / "terraform"
    script.write_text("no interpreter is named here")
    with pytest.raises(TerraformNotFoundError, match="not there, or not executable"):
        quietly([str(script)], signals)
    script.chmod(0o755)
    with pytest.raises(TerraformNotExecutableError, match=r"terraform: Exec format error\Z"):
        quietly([str(script)], signals)


def test_no_descriptor_is_left_open(signals):
    """A long series of attempts does not run out of them."""
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        run_terraform(["/bin/true"], signals=signals, watch=lambda _: len)
    assert os.listdir("/proc/self/fd") == before


def test_arguments_are_not_logged(signals, caplog):
    """Values of -var are secrets; sh logs every argument."""
    with caplog.at_level(0):
        quietly(["/bin/true", "-var=password=hunter2"], signals)
    assert "hunter2" not in caplog.text


@pytest.mark.slow
def test_a_flood_of_output_needs_little_memory(sandbox):
    """300 MB go through in less than 64 MB."""
    script = "import os\nfor _ in range(300 * 16): os.write(1, b'x' * 65536)\nos.write(2, b'done')\nos.read(0, 1)"
    program = sandbox.drive(terraform=[sys.executable, "-c", script])
    sizes = []

    def take():
        sizes.append(len(program.output[1]))
        program.output[1] = b""
        program.pump(0.1)
        return program.output[2] == b"done"

    wait_until(take, what="all is read", pause_s=0)
    status = Path(f"/proc/{program.pid}/status").read_text()
    program.close_stdin()
    assert program.wait() == 0
    assert sum(sizes) + len(program.output[1]) == 300 << 20
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < 64 * 1024


CONFIGURATION = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "echo started; touch started; sleep 1; echo finished" }
}
"""


def press_ctrl_c(program):
    program.type(b"\x03")


def kill_us(program):
    os.kill(program.pid, signal.SIGTERM)


def kill_group(program):
    os.killpg(program.pid, signal.SIGTERM)


def hang_up(program):
    program.hang_up()


def stop_reading(program):
    program.close_reader(1)


@pytest.mark.parametrize(
    ("terminal", "happens", "code"),
    [
        (EVERYWHERE, press_ctrl_c, 1),
        (EVERYWHERE, kill_us, 1),
        ((), kill_us, 1),
        ((), kill_group, 1),
        (EVERYWHERE, hang_up, 1),
        ((), stop_reading, 0),
    ],
)
def test_real_terraform_keeps_its_state(sandbox, real_terraform, terminal, happens, code):
    """Whatever happens: it is awaited, what was created is in the state, and the lock is gone."""
    (sandbox.folder / "main.tf").write_text(CONFIGURATION)
    program = sandbox.drive(
        terraform=[real_terraform], arguments=["apply", "-auto-approve"], terminal=terminal, cwd=sandbox.folder
    )
    program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the apply's middle")
    happens(program)
    assert program.wait() == code
    assert sandbox.nothing_is_left()
    state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
    assert {resource["name"] for resource in state["resources"]} == {"first", "second"}
    assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()


@pytest.mark.parametrize("answer", [b"no\n", b"yes\n"])
def test_real_terraform_asks_and_is_answered(sandbox, real_terraform, answer):
    """The prompt of an interactive apply comes through, and so does what is typed."""
    (sandbox.folder / "main.tf").write_text('resource "terraform_data" "first" {}')
    program = sandbox.drive(terraform=[real_terraform], arguments=["apply"], terminal=EVERYWHERE, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    program.type(answer)
    assert program.wait() == (0 if answer == b"yes\n" else 1)
    assert (b"Apply complete!" in program.output[1]) == (answer == b"yes\n")


def test_ctrl_c_at_real_terraforms_prompt_ends_it(sandbox, real_terraform):
    """Nothing is applied, and the terminal is as before."""
    (sandbox.folder / "main.tf").write_text('variable "secret" { sensitive = true }')
    program = sandbox.drive(terraform=[real_terraform], arguments=["apply"], terminal=EVERYWHERE, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    with program.echoes() as echoes:
        wait_until(lambda: not echoes(), what="terraform switches echo off")
        program.type(b"\x03")
        assert program.wait() in (1, 255)  # as without us: terraform's own way out, or its password reader's
        assert echoes()

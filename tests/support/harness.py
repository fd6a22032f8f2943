"""Start programs on pipes and on real terminals, read what terraform has recorded, and leave no process behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shlex
import shutil
import signal
import struct
import sys
import termios
import time
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FAKE = [sys.executable, "-S", str(HERE / "recording_terraform.py")]
STDIO = (0, 1, 2)
DISPOSITIONS = [shutil.which("grep"), "-E", "^Sig(Blk|Ign|Cgt)|^ShdPnd", "/proc/self/status"]
DEADLINE_S = 20


def wait_until(condition, *, what, deadline_s=DEADLINE_S, pause_s=0.005):
    """Poll *condition* until it is true, and return its value; fail with *what* was awaited after *deadline_s*."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(pause_s)
    raise AssertionError(f"not within {deadline_s} s: {what() if callable(what) else what}")


def process_stat(pid):
    """Return the fields of `/proc/PID/stat` behind the program's name, from the state and the parent on (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def process_state(pid):
    """Return the letter of the process's state, or `ended`."""
    try:
        return process_stat(pid)[0]
    except FileNotFoundError:
        return "ended"


def descendants(pid):
    """Return *pid* and its descendants; their environments, unlike their parents, cannot be read during an exec."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int(process_stat(folder.name)[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def three_resources(command):
    """Return a root module of three resources, created one after the other; the second runs *command*."""
    return f"""
resource "terraform_data" "first" {{}}
resource "terraform_data" "second" {{
  depends_on = [terraform_data.first]
  provisioner "local-exec" {{ command = "{command}" }}
}}
resource "terraform_data" "third" {{ depends_on = [terraform_data.second] }}
"""


class Program:
    """A program in a session of its own; of its descriptors 0 to 2, those in *terminal* are one, the others pipes."""

    def __init__(self, argv, *, terminal=(), env=None, cwd=None, size=(24, 80), before_exec=None):
        self.argv = [os.fspath(argument) for argument in argv]
        self.output = {1: b"", 2: b""}
        self.master, slave = os.openpty()
        self.terminal = os.ttyname(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *size, 0, 0))
        pipes = {fd: os.pipe() for fd in range(3) if fd not in terminal}
        self.stdin = pipes[0][1] if 0 in pipes else None
        self._readers = {pipes[fd][0]: fd for fd in (1, 2) if fd in pipes}
        if terminal:
            self._readers[self.master] = 1
        self.code = None
        self.dumped_core = False
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.pid = os.fork()
        if self.pid == 0:
            self._become(slave, pipes, terminal, env, cwd, before_exec)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        wait_until(lambda: os.getpgid(self.pid) == self.pid, what="the program has a group of its own")
        os.close(slave)
        for fd, (read_end, write_end) in pipes.items():
            os.close(read_end if fd == 0 else write_end)

    def _become(self, slave, pipes, terminal, env, cwd, before_exec):
        try:
            os.setsid()
            if terminal:
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave if fd in terminal else pipes[fd][0 if fd == 0 else 1], fd)
            for fd in [int(name) for name in os.listdir("/dev/fd")]:
                if fd > 2:  # pytest's own, say
                    with contextlib.suppress(OSError):
                        os.close(fd)
            os.chdir(cwd or ".")
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            if before_exec:
                before_exec()
            os.execvpe(self.argv[0], self.argv, os.environ if env is None else env)
        finally:
            os._exit(99)

    def pump(self, timeout_s=0.0):
        """Read the output that is available; return whether there was any."""
        ready, _, _ = select.select(list(self._readers), [], [], timeout_s)
        for fd in ready:
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                self._drop(fd)
            self.output[self._readers.get(fd, 1)] += chunk
        return bool(ready)

    def _drop(self, fd):
        os.close(fd)
        del self._readers[fd]
        if fd == self.master:
            self.master = -1

    def read_while(self, condition, *, what, deadline_s=DEADLINE_S):
        """Read all output while *condition* is true."""

        def is_over():
            self.pump(0.01)
            return not condition()

        wait_until(is_over, what=lambda: f"{what}; so far: {self.output}", deadline_s=deadline_s, pause_s=0)

    def read_until(self, text, *, fd=1, count=1):
        """Read until *text* has been written *count* times to *fd*."""
        self.read_while(lambda: self.output[fd].count(text) < count, what=f"{text!r} is read")

    def type(self, keys):
        """Type *keys* on the terminal, or write them to the pipe."""
        os.write(self.stdin if self.stdin is not None else self.master, keys)

    def close_stdin(self):
        """Send end-of-file."""
        os.close(self.stdin)
        self.stdin = None

    def hang_up(self):
        """Close the terminal, as when its window is closed or its connection breaks."""
        self._drop(self.master)

    def close_reader(self, fd):
        """Stop reading and close the pipe, as `head` does."""
        self._drop(next(reader for reader, target in self._readers.items() if target == fd))

    def resize(self, rows, columns):
        """Change the size of the terminal; its foreground group receives SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def has_ended(self):
        """Whether the program itself has ended; its exit code is negative if a signal killed it."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                self.dumped_core = os.WCOREDUMP(status)
        return self.code is not None

    def wait(self, deadline_s=DEADLINE_S):
        """Read all output until the program has ended; return its exit code."""
        self.read_while(lambda: not self.has_ended(), what=f"the end of {self.argv}", deadline_s=deadline_s)
        while self.pump():
            pass
        return self.code

    def ends_output(self):
        """Whether all of its outputs have reached end-of-file."""
        self.pump(0.01)
        return not self._readers

    @contextlib.contextmanager
    def echoes(self):
        """Yield a function that returns whether the terminal echoes, also after the program has ended."""
        fd = os.open(self.terminal, os.O_RDWR | os.O_NOCTTY)
        try:
            yield lambda: bool(termios.tcgetattr(fd)[3] & termios.ECHO)
        finally:
            os.close(fd)

    def close(self):
        """Kill the program if it still runs, and close all descriptors."""
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for fd in {*self._readers, self.master, self.stdin if self.stdin is not None else -1} - {-1}:
            os.close(fd)


def to_us(program, signo):
    """Send a signal to *program* alone."""
    os.kill(program.pid, signo)


def to_group(program, signo):
    """Send a signal to the process group of *program*."""
    os.killpg(program.pid, signo)


def to_everyone(program, signo):
    """Send a signal to each process of *program*, as `kill -1` does."""
    for pid in descendants(program.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signo)


def press_ctrl_c(program, _signo):
    """Press Ctrl-C on the terminal of *program*."""
    program.type(b"\x03")


def hang_up(program, _signo):
    """Close the terminal of *program*."""
    program.hang_up()


class Sandbox:
    """A folder, and a variable in the environment that identifies all processes which were started in it."""

    def __init__(self, folder):
        if not sys.platform.startswith("linux"):
            pytest.skip("needs /proc to look at other processes")
        self.folder = folder
        self.record = folder / "record"
        self.mark = uuid.uuid4().hex
        self.programs = []

    def environment(self, fake="", **more):
        """Return our environment with the mark, the path of the record and the words for the fake terraform."""
        return {**os.environ, "TFRETRY_TEST_MARK": self.mark, "RECORD": str(self.record), "TF_FAKE": fake, **more}

    def run(self, argv, *, fake="", env=None, **how):
        """Start *argv*; it is killed at the end of the test."""
        program = Program(argv, env=self.environment(fake, **(env or {})), **how)
        self.programs.append(program)
        return program

    def drive(self, *options, terraform=FAKE, arguments=(), **how):
        """Start the process driver with *options*, to run *terraform*."""
        driver = [sys.executable, str(HERE / "process_driver.py"), *options, *terraform, *arguments]
        return self.run(driver, **how)

    def apply(self, *options, terraform=FAKE, without_linux=False, **how):
        """Start `tfretry OPTIONS apply` to run *terraform*; with *without_linux*, as on macOS."""
        script = self.folder / "terraform"
        script.write_text(f'#!/bin/sh\nexec {shlex.join(terraform)} "$@"\n')
        script.chmod(0o755)
        start = [str(HERE / "without_linux.py")] if without_linux else ["-m", "tfretry"]
        return self.run([sys.executable, *start, "--terraform", script, *options, "apply"], **how)

    def events(self, key=None):
        """Return what terraform has recorded so far, or only the events that have *key*."""
        if not self.record.exists():
            return []
        lines = self.record.read_text().split("\n")[:-1]  # the last line may be incomplete
        return [event for event in map(json.loads, lines) if key is None or key in event]

    def signals(self):
        """Return the names of the signals that terraform has received, except SIGCONT and SIGWINCH."""
        names = [event["signal"] for event in self.events("signal")]
        return [name for name in names if name not in ("SIGCONT", "SIGWINCH")]

    def wait_for(self, key, count=1):
        """Wait until terraform has recorded *key* *count* times; return the last such event."""
        return wait_until(lambda: len(found := self.events(key)) >= count and found, what=f"{key} recorded")[-1]

    def processes(self):
        """Return the numbers of all processes with our mark, except zombies."""
        mark = f"TFRETRY_TEST_MARK={self.mark}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes() and (folder / "stat").read_text().split(") ")[1][0] != "Z":
                    found.append(int(folder.name))
        return found

    def resources(self):
        """Return the names of the resources in terraform's state; check that it is not locked."""
        assert not (self.folder / ".terraform.tfstate.lock.info").exists()
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return {resource["name"] for resource in state["resources"]}

    def nothing_is_left(self):
        """Wait until all processes of this test have ended."""
        wait_until(lambda: not self.processes(), what="the processes of this test end")
        return True

    def close(self):
        """Kill whatever still runs."""
        for program in self.programs:
            program.close()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

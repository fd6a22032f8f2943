"""A terraform that records its arguments, environment and signals, one JSON object a line, and stops as terraform does.

Words in TF_FAKE control it, so that its arguments are free: `ask` (it asks a question), `secret` (without echo),
`exit=N`, `linger=SECONDS` (how long it takes to stop), `last=SECONDS` (how long it runs if nothing stops it), `die=N`
(it dies of that signal in the end), `role` (it prints the error of the role in the end), `silent` (it prints nothing),
`chatter` (it prints all the time).
"""

from __future__ import annotations

import _signal

# Die of an early signal, as terraform does; an import could swallow a KeyboardInterrupt.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import contextlib
import json
import os
import select
import signal
import sys
import termios
import time

from aws_errors import SENTENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = dict(word.partition("=")[::2] for word in os.environ.get("TF_FAKE", "").split())
TERMINATING = [signal.SIGINT, signal.SIGTERM]
RECORDED = [signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT]


def record(**event: object) -> None:
    line = json.dumps({"pid": os.getpid(), "at": time.monotonic(), **event}) + "\n"
    fd = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, line.encode())
    os.close(fd)


def status() -> dict[str, int]:
    with open("/proc/self/status") as lines:
        pairs = dict(line.split(":", 1) for line in lines)
    return {name: int(pairs[name], 16) for name in ("SigBlk", "SigIgn", "SigCgt")}


def size(fd: int) -> list[int] | None:
    try:
        return list(os.get_terminal_size(fd))
    except OSError:
        return None


def descriptors() -> list[int]:
    fds = [int(name) for name in os.listdir("/proc/self/fd")]
    return [fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")]


class Fake:
    """Runs until its time is over, or until it is interrupted."""

    def __init__(self) -> None:
        self.interrupts = 0
        self.stop_at = time.monotonic() + float(WORDS.get("last", "60"))

    def handle(self, signo: int) -> None:
        record(signal=signal.Signals(signo).name, sizes=[size(fd) for fd in (1, 2)])
        if signo not in TERMINATING:
            return
        self.interrupts += 1
        if self.interrupts == 1:
            self.say("\nInterrupt received.\nPlease wait for Terraform to exit or data loss may occur.\n")
            self.stop_at = time.monotonic() + float(WORDS.get("linger", "0.2"))
        else:
            self.say("\nTwo interrupts received. Exiting immediately.\n")
            self.stop_at = 0

    def say(self, text: str) -> None:
        if "silent" not in WORDS:
            os.write(1, text.encode())

    def run(self) -> int:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as terraform, which dies if its output is closed
        waited = [signo for signo in TERMINATING + RECORDED if signal.getsignal(signo) != signal.SIG_IGN]
        signal.pthread_sigmask(signal.SIG_BLOCK, waited)
        self.say("ready\n")
        record(ready=True)
        if "ask" in WORDS:
            self.ask(waited)
        while (left := self.stop_at - time.monotonic()) > 0:
            info = signal.sigtimedwait(waited, min(left, 0.05) if "chatter" in WORDS else left)
            if info:
                self.handle(info.si_signo)
            elif "chatter" in WORDS:
                self.say("chatter\n")
        self.say("last words\n")
        if "role" in WORDS:
            os.write(2, f"\nError: {SENTENCE}\n\n".encode())
        record(ended=True, interrupts=self.interrupts)
        return 1 if self.interrupts else int(WORDS.get("exit", "0"))

    def ask(self, waited: list[signal.Signals]) -> None:
        with silent_terminal() if "secret" in WORDS else contextlib.nullcontext():
            os.write(1, b"Enter a value: ")
            record(asks=True)
            while self.interrupts == 0:
                if info := signal.sigtimedwait(waited, 0.01):
                    self.handle(info.si_signo)
                if select.select([0], [], [], 0)[0]:
                    record(answer=os.read(0, 100).decode())
                    break


@contextlib.contextmanager
def silent_terminal() -> Iterator[None]:
    before = termios.tcgetattr(0)
    silent = termios.tcgetattr(0)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, silent)
    yield
    termios.tcsetattr(0, termios.TCSANOW, before)


if __name__ == "__main__":
    record(
        argv=[os.fsencode(argument).hex() for argument in sys.argv[1:]],
        cwd=os.getcwd(),
        environ={os.fsencode(k).hex(): os.fsencode(v).hex() for k, v in os.environ.items()},
        fds=descriptors(),
        ttys=[os.isatty(fd) for fd in range(3)],
        sizes=[size(fd) for fd in range(3)],
        status=status(),
        group=os.getpgrp(),
        session=os.getsid(0),
    )
    code = Fake().run()
    if "die" in WORDS:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
        with contextlib.suppress(OSError):
            signal.signal(int(WORDS["die"]), signal.SIG_DFL)
        os.kill(os.getpid(), int(WORDS["die"]))
    os._exit(code)

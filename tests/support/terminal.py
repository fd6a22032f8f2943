"""Run a command on pipes, or on a terminal of a given width, and return its exit code and its output."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from contextlib import suppress


def on_a_terminal(argv: list[str], folder, columns: int) -> tuple[int, list[bytes]]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        with suppress(OSError):  # EIO is end-of-file here
            while chunk := os.read(ours, 65536):
                text += chunk
    os.close(ours)
    return process.returncode, [text]


def on_pipes(argv: list[str], folder) -> tuple[int, list[bytes]]:
    done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode, [done.stdout, done.stderr]

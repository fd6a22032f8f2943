"""Files without a name, for secrets: nothing of them is left when the last reader has closed them."""

from __future__ import annotations

import os
import tempfile
from typing import IO


def nameless_file() -> IO[bytes]:
    """Return an empty file that no child inherits, in memory if the system supports it; raises OSError."""
    try:
        return open(os.memfd_create("tfretry"), "w+b")  # close-on-exec by default
    except (AttributeError, OSError):
        return tempfile.TemporaryFile()


def path_for_terraform(file: IO[bytes]) -> str:
    """Return the path by which terraform reads *file*.

    Terraform opens `/proc/PID/fd/N` of this process: that works through wrappers that close descriptors, and no
    provisioner inherits the file. Where there is no /proc, terraform inherits the descriptor.
    """
    file.flush()
    file.seek(0)
    try:
        # Not getpid(): in a PID namespace without a /proc of its own, that number is another process's there.
        path = f"/proc/{os.readlink('/proc/self')}/fd/{file.fileno()}"
        if os.path.samestat(os.stat(path), os.fstat(file.fileno())):
            return path
    except OSError:
        pass
    os.set_inheritable(file.fileno(), True)
    return f"/dev/fd/{file.fileno()}"

"""Run tfretry as on macOS, as far as Linux allows that: without the names that only Linux has.

without_linux.py ARGUMENTS_OF_TFRETRY...
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys

LINUX_ONLY = {
    fcntl: ("F_GETPIPE_SZ",),
    os: ("pidfd_open",),
    signal: ("pidfd_send_signal", "sigtimedwait", "sigwaitinfo"),
}


def remove_names() -> None:
    """Remove Linux's own names. Call it before tfretry is imported, which looks for them with hasattr()."""
    for module, names in LINUX_ONLY.items():
        for name in names:
            if sys.platform.startswith("linux"):
                delattr(module, name)


if __name__ == "__main__":
    remove_names()
    from tfretry.__main__ import run

    run()

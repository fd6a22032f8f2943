"""tfretry as it runs on macOS, as far as that can be had on Linux: without what Linux alone has.

elsewhere.py ARGUMENTS_OF_TFRETRY...
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


def take_away() -> None:
    """Remove Linux's own names, before tfretry is imported: it asks for them by their names."""
    for module, names in LINUX_ONLY.items():
        for name in names:
            if sys.platform.startswith("linux"):
                delattr(module, name)


if __name__ == "__main__":
    take_away()
    from tfretry.__main__ import run

    run()

"""Run tfretry as on macOS, as far as Linux allows that: without the names that only Linux has.

without_linux.py ARGUMENTS_OF_TFRETRY...
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from typing import Any

STAT = os.stat

LINUX_ONLY = {
    fcntl: ("F_GETPIPE_SZ",),
    os: ("memfd_create", "pidfd_open"),
    signal: ("pidfd_send_signal", "sigtimedwait", "sigwaitinfo"),
}


def remove_names() -> None:
    """Remove Linux's own names. Call it before tfretry is imported, which looks for them with hasattr()."""
    if not sys.platform.startswith("linux"):
        return
    for module, names in LINUX_ONLY.items():
        for name in names:
            delattr(module, name)
    os.stat = stat_without_proc


def stat_without_proc(path: Any, **options: Any) -> os.stat_result:
    """`os.stat` where there is no /proc."""
    if str(path).startswith("/proc/"):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return STAT(path, **options)


if __name__ == "__main__":
    remove_names()
    from tfretry.__main__ import main

    main()

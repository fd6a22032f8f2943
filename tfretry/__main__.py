"""The start of the program. It blocks signals before anything else, so that none is lost between two imports."""

import sys

if sys.platform == "win32":
    sys.stderr.write("tfretry: Windows is not supported, since signals work differently there; use WSL\n")
    raise SystemExit(125)

from tfretry.process import signalmask

MASK_BEFORE = signalmask.block()

from tfretry import cli  # noqa: E402  # after the signals are blocked


def main() -> None:
    """Run tfretry with the arguments of this process, and exit: the launcher of a zipapp drops a return value."""
    raise SystemExit(cli.main(sys.argv[1:], MASK_BEFORE))


if __name__ == "__main__":
    main()

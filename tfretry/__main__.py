"""The start of the program. It blocks signals before anything else, so that none is lost between two imports."""

import sys

if sys.platform == "win32":
    sys.stderr.write("tfretry: Windows is not supported, since signals work differently there; use WSL\n")
    raise SystemExit(125)

from tfretry.process import signalmask

MASK_BEFORE = signalmask.block()

from tfretry import cli  # noqa: E402  # after the signals are blocked


def main() -> int:
    """Run tfretry with the arguments of this process."""
    return cli.main(mask_before=MASK_BEFORE)


def run() -> None:
    """Run tfretry and exit, for launchers that drop a return value, as that of zipapp does."""
    raise SystemExit(main())


if __name__ == "__main__":
    run()

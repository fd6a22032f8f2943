"""The program's start; signals are blocked before anything else, so that none is lost between two imports."""

import sys

if sys.platform == "win32":
    sys.stderr.write("tfretry: Windows is not supported, since terraform's signals differ there; use it in WSL\n")
    raise SystemExit(125)

from tfretry.process import signalmask

MASK_BEFORE = signalmask.block()

from tfretry import cli  # noqa: E402  # only now: see above


def main() -> int:
    """Run tfretry with the arguments of this process."""
    return cli.main(mask_before=MASK_BEFORE)


def run() -> None:
    """The same for starters that throw a return value away, as those of zipapp do."""
    raise SystemExit(main())


if __name__ == "__main__":
    run()

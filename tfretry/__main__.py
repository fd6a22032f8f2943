"""The program's start; signals are blocked before anything else, so that none is lost between two imports."""

from tfretry import signalmask

MASK_BEFORE = signalmask.block()

from tfretry import cli  # noqa: E402  # only now: see above


def main() -> int:
    """Run tfretry with the arguments of this process."""
    return cli.main(mask_before=MASK_BEFORE)


if __name__ == "__main__":
    raise SystemExit(main())

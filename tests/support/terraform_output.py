"""Messages as terraform prints them on a terminal; tfretry as a process, and arguments for it."""

from __future__ import annotations

import subprocess
import sys

from aws_errors import SENTENCE

TFRETRY = [sys.executable, "-m", "tfretry"]
QUICK = ("--first-wait=10ms", "--longest-wait=20ms")
APPLY = ("apply", "-auto-approve", "-no-color")
CREATING = "\x1b[0m\x1b[1maws_ecs_service.this: Creating...\x1b[0m\x1b[0m\n"
ROLE_ERROR = (
    "\n\x1b[31m╷\x1b[0m\x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\x1b[1m\x1b[31mError: \x1b[0m\x1b[0m\x1b[1mcreating ECS Service (nginx): "
    f"InvalidParameterException: {SENTENCE}\x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\x1b[0m  with aws_ecs_service.this,\n"
    "\x1b[31m╵\x1b[0m\x1b[0m\n"
)
DENIED_ERROR = ROLE_ERROR.replace(f"InvalidParameterException: {SENTENCE}", "AccessDenied").replace(
    "aws_ecs_service.this", "aws_ecs_cluster.c"
)


def run(*arguments, **options):
    """Run tfretry with its outputs captured."""
    return subprocess.run([*TFRETRY, *arguments], capture_output=True, timeout=60, check=False, **options)

"""Messages as terraform prints them on a terminal, and `run()`, which runs tfretry as a process."""

from __future__ import annotations

import subprocess
import sys

TFRETRY = [sys.executable, "-m", "tfretry"]
CREATING = "\x1b[0m\x1b[1maws_ecs_service.this: Creating...\x1b[0m\x1b[0m\n"
ROLE_ERROR = (
    "\n\x1b[31m╷\x1b[0m\x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\x1b[1m\x1b[31mError: \x1b[0m\x1b[0m\x1b[1mcreating ECS Service (nginx): "
    "InvalidParameterException: Unable to assume the service linked role. Please verify that the ECS service linked "
    "role exists.\x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\n"
    "\x1b[31m│\x1b[0m \x1b[0m\x1b[0m  with aws_ecs_service.this,\n"
    "\x1b[31m╵\x1b[0m\x1b[0m\n"
)
DENIED_ERROR = ROLE_ERROR.replace(
    "InvalidParameterException: Unable to assume the service linked role", "AccessDenied"
).replace("aws_ecs_service.this", "aws_ecs_cluster.c")


def run(*arguments, **options):
    """Run tfretry with its outputs captured."""
    return subprocess.run([*TFRETRY, *arguments], capture_output=True, timeout=60, check=False, **options)

"""The texts of --help and --list-causes."""

from __future__ import annotations

import textwrap

from tfretry.causes.table import NEVER, NEVER_AT_ALL, TABLE, Cause
from tfretry.config.options import ACTIONS, OPTIONS, Option

WIDTH = 79


def help_text() -> str:
    """What --help shows: a manual page."""
    options = "\n\n".join(_option(option) for option in (*OPTIONS, *ACTIONS))
    return f"{BEGINNING}{options}\n{END}"


def causes_table() -> str:
    """The known errors, each with its name, what heals it, why, and where that is written; and what none heals."""
    vetoes = [*(f"  pattern  {each.pattern}" for each in NEVER), "nor by a pattern of your own:"]
    vetoes += [f"  pattern  {each.pattern}" for each in NEVER_AT_ALL]
    return "\n".join([*(_entry(cause) for cause in TABLE), "healed by none of these:", *vetoes, ""])


def _option(option: Option) -> str:
    told = [option.meaning]
    if option in OPTIONS:
        default = f"; by default {option.default}" if option.default else ""
        told.append(f"[{option.variable}{default}]")
    name = f"{option.name} {option.value}" if option.value else option.name
    body = textwrap.fill(
        " ".join(told), WIDTH, initial_indent=" " * 11, subsequent_indent=" " * 11, break_on_hyphens=False
    )
    return f"       {name}\n{body}"


def _entry(cause: Cause) -> str:
    shown = f"{cause.name}{' (on by default)' if cause.default else ''}"
    rows = [("error", cause.sentence), ("heals by", cause.resolved_by), ("why", cause.why)]
    rows += [("source", source) for source in cause.sources]
    rows += [("pattern", pattern.pattern) for pattern in cause.patterns]
    return "\n".join([shown, *(f"  {name:<9}{text}" for name, text in rows), ""])


BEGINNING = """\
NAME
       tfretry - terraform apply, and again until the ECS service-linked role
       can be assumed

SYNOPSIS
       tfretry [OPTIONS] ARGUMENTS_OF_TERRAFORM...

DESCRIPTION
       tfretry runs terraform with exactly these arguments. An apply that fails
       only because AWS's ECS service-linked role cannot be assumed yet is run
       again, with growing waits, until it can. Every other command and every
       other failure is terraform's own, unchanged: its bytes, its prompts, its
       exit code.

       A retry is the same command with -refresh=false, since the failed apply
       has just refreshed. A saved plan is applied once; after a failure, what
       is left of that very plan is applied, and nothing is planned anew.

OPTIONS
       Options come first and end at the first word that is not one of them, or
       at --. They beat the variable in brackets; that beats the key in
       .tfretry.toml.

"""
END = """
VALUES
       A DURATION is 500ms, 6s, 5m or 1h30m; a bare number is seconds. Switches
       are on by 1, true, yes, on, and off by 0, false, no, off or nothing.

FILES
       .tfretry.toml
           In the directory of -chdir, else in the current one. Its keys are
           the names of the options with _ (max_attempts = 5); --cause is
           causes = [...], --retry-on is retry_on = [...]. A table [[cause]]
           with name, pattern and, if you like, why is a cause of your own.

ENVIRONMENT
       TFRETRY_*
           The options, as shown with each.
       TF_CLI_ARGS, TF_CLI_ARGS_apply
           Read as terraform reads them, never changed.
       TFRETRY_RETRY_ATTEMPT, TFRETRY_RETRY_CAUSE, TFRETRY_RETRY_ADDRESS,
       TFRETRY_RETRY_WAIT_S
           For the command of --on-retry: the number of the attempt that
           failed, the cause, the resource, and the seconds of the wait.
       NO_COLOR, FORCE_COLOR
           Whether tfretry's own lines are coloured.
       GITHUB_ACTIONS, TF_BUILD
           "true": one annotation a run in that system's own form.
       GITHUB_STEP_SUMMARY
           In GitHub Actions, the file to which a table of the attempts goes.
       BUILDKITE, CI, CODEBUILD_BUILD_ID, JENKINS_URL, TEAMCITY_VERSION,
       TF_BUILD, TF_IN_AUTOMATION
           Not empty: lines instead of a countdown, also on a terminal.
       TERM
           "dumb": neither colour nor countdown; unset: no countdown.
       TMPDIR
           Where the rest of a saved plan lies, in a file without a name, if
           the system cannot keep it in memory.

EXIT STATUS
       Terraform's own, also on giving up. Besides:
       125    a mistake in tfretry's options, variables or file, or a fault of
              tfretry itself
       126    terraform cannot be executed
       127    terraform is not found
       128+N  signal N ended the wait between two attempts; where it ended
              terraform, tfretry dies of it too
       129    a hang-up ended the wait, or nobody reads stdout and stderr any
              more, and no further apply is begun

COMPLETION
       complete -C "$(command -v tfretry)" tfretry

EXAMPLES
       tfretry apply -auto-approve
       tfretry --timeout 5m -chdir=infra apply tfplan
       tfretry --cause iam-propagation --report run.json apply -auto-approve
"""

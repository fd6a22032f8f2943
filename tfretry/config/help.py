"""The texts of --help and --list-causes."""

from __future__ import annotations

import textwrap

from tfretry.causes.table import NEVER, NEVER_AT_ALL, TABLE, Cause
from tfretry.config.options import ACTIONS, BY_NAME, OPTIONS, Option

WIDTH = 79
INDENT = " " * 11


def help_text() -> str:
    """Return the manual page that --help shows."""
    options = "\n\n".join(_option(option) for option in (*OPTIONS, *ACTIONS))
    return f"{BEGINNING}{options}\n{END}"


def causes_table() -> str:
    """Return the known errors, and the patterns of errors that are never retried."""
    never = [*(f"  pattern  {each.pattern}" for each in NEVER), "not even for a pattern of your own:"]
    never += [f"  pattern  {each.pattern}" for each in NEVER_AT_ALL]
    return "\n".join(
        [
            *(_entry(cause) for cause in TABLE),
            "never retried, unless a pattern of your own matches (--cause all enables all but network):",
            *never,
            "",
        ]
    )


def _option(option: Option) -> str:
    sentences = [option.meaning]
    if option in OPTIONS:
        default = f"; default: {option.default}" if option.default else ""
        sentences.append(f"[{option.variable}{default}]")
    body = textwrap.fill(
        " ".join(sentences), WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
    )
    return f"       {option.name} {option.value or ''}".rstrip() + f"\n{body}"


def _entry(cause: Cause) -> str:
    is_default = cause.name == BY_NAME["--cause"].default
    rows = [("error", cause.sentence), ("resolved", f"by {cause.resolved_by}"), ("why", cause.why)]
    rows += [("source", source) for source in cause.sources]
    rows += [("pattern", pattern.pattern) for pattern in cause.patterns]
    heading = f"{cause.name}{' (on by default)' if is_default else ''}"
    return "\n".join([heading, *(f"  {name:<9}{text}" for name, text in rows), ""])


BEGINNING = """\
NAME
       tfretry - terraform apply, and again until the ECS service-linked role
       can be assumed

SYNOPSIS
       tfretry [OPTIONS] ARGUMENTS_OF_TERRAFORM...

DESCRIPTION
       tfretry runs terraform with exactly these arguments. If an apply fails
       only because AWS's ECS service-linked role cannot be assumed yet, tfretry
       waits and runs the apply again, until it succeeds or the time is up. All
       other commands and failures are terraform's own: output, prompts, exit
       codes and signals are unchanged.

       A retry runs the same command with -refresh=false if the failed apply
       has just saved a refreshed state. The retry of a saved plan applies
       exactly the changes that are left of it; nothing is planned again.

OPTIONS
       Options come before terraform's arguments, and end at the first word
       that is not one of them, or at --. Options override the environment
       variables in brackets, which override .tfretry.toml.

"""
END = """
VALUES
       A DURATION is for example 500ms, 6s, 5m or 1h30m; a number without a
       unit is seconds. A variable turns a switch on with 1, true, yes or on,
       and off with 0, false, no, off or an empty value.

FILES
       .tfretry.toml
           Read from the directory of -chdir, else from the current one. The
           keys are the names of the options with _ for - (max_attempts = 5),
           and the lists causes = [...] for --cause and retry_on = [...] for
           --retry-on. A table [[cause]] with name, pattern and optionally why
           defines a cause of your own.

ENVIRONMENT
       TFRETRY_*
           The options; the variable of each stands with it.
       TFRETRY_RUNNING
           Set for terraform: how deep, a digest of the call, and the binary. By
           it a tfretry that a wrapper starts again recognises its own call.
       TF_CLI_ARGS, TF_CLI_ARGS_apply
           Read as terraform reads them, never changed.
       TFRETRY_RETRY_ATTEMPT, TFRETRY_RETRY_CAUSE, TFRETRY_RETRY_ADDRESS,
       TFRETRY_RETRY_WAIT_S
           Set for the command of --on-retry: the number of the failed
           attempt, its cause, the resource, and the seconds to wait.
       NO_COLOR, FORCE_COLOR
           Turn the colour of tfretry's own lines off or on.
       GITHUB_ACTIONS, TF_BUILD
           "true": write one annotation per run, for GitHub or Azure.
       GITHUB_STEP_SUMMARY
           In GitHub Actions: append a table of the attempts to this file.
       BUILDKITE, CI, CODEBUILD_BUILD_ID, JENKINS_URL, TEAMCITY_VERSION,
       TF_BUILD, TF_IN_AUTOMATION
           Not empty: write lines, not a countdown, to a terminal too.
       TERM
           "dumb": neither colour nor countdown; unset: no countdown.
       TMPDIR
           Where the system has no files in memory: the directory for the
           unnamed file that holds the rest of a saved plan.

EXIT STATUS
       Terraform's own, or the last one after several attempts. Otherwise:
       125    a bad option, variable or .tfretry.toml, or an internal error of
              tfretry
       126    terraform cannot be executed
       127    terraform was not found
       128+N  signal N ended the wait between two attempts; if it ended
              terraform, it ends tfretry too
       129    a hang-up ended the wait, or nobody reads stdout and stderr any
              more, so that no further apply is started

COMPLETION
       complete -C "$(command -v tfretry)" tfretry

EXAMPLES
       tfretry apply -auto-approve
       tfretry --timeout 5m -chdir=infra apply tfplan
       tfretry --cause iam-propagation --report run.json apply -auto-approve
"""

"""The texts of --help and --list-causes."""

from __future__ import annotations

from tfretry.causes import TABLE, Cause

HELP = """\
usage: tfretry [OPTIONS] <exactly what you would have given terraform>

Runs terraform. An apply that fails only because the ECS service-linked role
cannot be assumed yet is run again, with growing waits, until it can. Every
other command and every other failure is terraform's own, unchanged.

    tfretry apply -auto-approve
    tfretry --timeout 5m -chdir=infra apply tfplan

options (each has a variable, and a key in .tfretry.toml):
  --timeout DURATION      keep retrying this long after the first failure,
                          at least 2 retries (TFRETRY_TIMEOUT, 15m)
  --max-attempts N        at most N applies in all (TFRETRY_MAX_ATTEMPTS)
  --first-wait DURATION   spacing of the first retry (TFRETRY_FIRST_WAIT, 6s)
  --longest-wait DURATION no wait is longer (TFRETRY_LONGEST_WAIT, 30s)
  --cause NAME            a known error that heals by waiting, or all of them,
                          besides ecs-service-linked-role; repeatable
                          (TFRETRY_CAUSES, comma-separated)
  --retry-on REGEX        a further error that heals by waiting; repeatable
                          (TFRETRY_RETRY_ON, one a line). It sees the first
                          4096 characters of an error's unwrapped text, for
                          half a second of processor time at most
  --refresh-on-retry      read every resource again before each retry
                          (TFRETRY_REFRESH_ON_RETRY)
  --terraform PATH        the binary to run (TFRETRY_TERRAFORM; terraform,
                          else tofu, on PATH)
  --report FILE           write a JSON record of the run (TFRETRY_REPORT)
  --plan-args STRING      planning options that a saved plan does not tell,
                          such as -target=ADDR (TFRETRY_PLAN_ARGS)
  --log-format text|json  how tfretry speaks on stderr (TFRETRY_LOG_FORMAT)
  --quiet                 only the last line, and only on failure
                          (TFRETRY_QUIET)
  --list-causes           show the known errors, and exit
  --help                  show this, and exit (-help is terraform's)
  --version               terraform's version, and tfretry's on stderr

Durations are 500ms, 6s, 5m, 1h30m; a bare number is seconds. Switches are on
by 1, true, yes, on and off by 0, false, no, off or nothing. Options end at the
first token that is not tfretry's, or at --.

files:
  .tfretry.toml in the directory of -chdir, else in the current one. Its keys
  are the options' names with _ (max_attempts); --cause is causes = [...],
  --retry-on is retry_on = [...]. A table [[cause]] with name, pattern and,
  if you like, why is a cause of your own. Options beat variables, they beat
  the file, and that beats the defaults.

environment:
  TF_CLI_ARGS, TF_CLI_ARGS_apply  are read as terraform reads them
  NO_COLOR, FORCE_COLOR           colour of tfretry's own lines
  GITHUB_ACTIONS, TF_BUILD        an annotation in the system's own form

exit codes:
  terraform's own, also on giving up; 128+N when signal N ended terraform or
  the wait; 125 for a mistake in tfretry's own options, variables or file, or
  a fault of tfretry; 126 when terraform cannot be executed; 127 when it is
  not found.
"""


def causes_table() -> str:
    """The known errors, each with its name, what heals it, why, and where that is written."""
    return "\n".join(_entry(cause) for cause in TABLE)


def _entry(cause: Cause) -> str:
    shown = f"{cause.name}{' (on by default)' if cause.default else ''}"
    rows = [("error", cause.sentence), ("heals by", cause.heals), ("why", cause.why), ("source", cause.source)]
    patterns = [("pattern", pattern.pattern) for pattern in cause.patterns]
    return "\n".join([shown, *(f"  {name:<9}{text}" for name, text in [*rows, *patterns]), ""])

"""Completion: our options and terraform's words, by the protocol of bash's `complete -C`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys

import pytest
from harness import STDIO, Program
from terraform_output import TFRETRY

from tfretry.config.completion import fitting_options, words_before_cursor
from tfretry.config.options import BY_NAME

ALL = list(BY_NAME)


@pytest.mark.parametrize(
    ("line", "point", "words"),
    [
        ("tfretry ", None, [""]),
        ("tfretry ap", None, ["ap"]),
        ("tfretry  --timeout 5m ap", None, ["--timeout", "5m", "ap"]),
        ("tfretry --timeout 5m ap", "12", ["--ti"]),
        ("tfretry é ap", "9", ["\udcc3"]),
        ("tfretry", None, []),
        ("tfretry ap", "x", ["ap"]),
    ],
)
def test_the_words_end_at_the_cursor(line, point, words):
    """COMP_POINT counts bytes."""
    environ = {"COMP_LINE": line} | ({"COMP_POINT": point} if point else {})
    assert words_before_cursor(environ) == words


@pytest.mark.parametrize(
    ("words", "fitting"),
    [
        (["--ti"], ["--timeout"]),
        (["-"], ALL),
        (["--quiet", "--ti"], ["--timeout"]),
        (["--timeout", "5m", "--ti"], ["--timeout"]),
        (["--timeout=5m", "--ti"], ["--timeout"]),
        (["--timeout", "--ti"], []),
        ([""], []),
        (["ap"], []),
        (["apply", "--ti"], []),
        (["-chdir=x", "--ti"], []),
        (["--", "--ti"], []),
        ([], []),
    ],
)
def test_our_options_are_offered_where_they_may_stand(words, fitting):
    """Before terraform's arguments, and not as the value of an option."""
    assert fitting_options(words) == fitting


def complete(line, **environ):
    """Run tfretry as bash's completion does."""
    env = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line)), **environ}
    words = line.split(" ")
    return subprocess.run(
        [*TFRETRY, "tfretry", words[-1], words[-2]], env=env, capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.usefixtures("real_terraform")
def test_terraform_completes_its_own_words():
    """After our options, too."""
    for line in ("tfretry ap", "tfretry --timeout 5m ap"):
        assert complete(line).stdout.splitlines() == ["apply"]


def test_terraform_gets_the_line_unchanged(fake_terraform):
    """It is exec'ed with the arguments that bash has given; nothing is applied."""
    fake_terraform('echo "$COMP_LINE|$COMP_POINT|$*"')
    assert complete("tfretry --quiet --ti").stdout == "--timeout\ntfretry --quiet --ti|20|tfretry --ti --quiet\n"
    assert complete("tfretry --terraform terraform apply").stdout.endswith("|tfretry apply terraform\n")


def test_without_terraform_our_options_are_completed(tmp_path):
    """There is no message: it would stand in the middle of the line that the user types."""
    done = complete("tfretry --ti", PATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "--timeout\n", "")


def test_a_terraform_that_leads_back_to_tfretry_is_started_once(fake_terraform, tmp_path):
    """As without completion: running it again would never end."""
    fake_terraform(f'echo >>{tmp_path}/starts; exec {sys.executable} -m tfretry "$@"')
    assert complete("tfretry ap", PATH=f"{tmp_path}/bin:/usr/bin:/bin").returncode == 0
    assert (tmp_path / "starts").read_text() == "\n"


def test_bash_completes(fake_terraform, tmp_path):
    """With the command of the README."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    fake_terraform("case $COMP_LINE in *' ap') echo apply ;; esac")
    ours = tmp_path / "bin" / "tfretry"
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m tfretry "$@"\n')
    ours.chmod(0o755)
    env = {**os.environ, "INPUTRC": "/dev/null", "PS1": "$ ", "TERM": "dumb"}
    with contextlib.closing(Program([bash, "--norc", "--noprofile", "-i"], terminal=STDIO, env=env)) as shell:
        shell.type(b"""complete -C "$(command -v tfretry)" tfretry; echo rea''dy\r""")
        shell.read_until(b"\r\nready")
        shell.type(b"tfretry --max\t")
        shell.read_until(b"tfretry --max-attempts ")
        shell.type(b"3 ap\t")
        shell.read_until(b"tfretry --max-attempts 3 apply ")

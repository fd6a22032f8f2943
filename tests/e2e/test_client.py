"""What becomes of an apply whose client is gone, or types while nobody asks."""

from __future__ import annotations

import json
import os
import sys

import pytest
from harness import Sandbox, wait_until
from terraform_output import ROLE_ERROR

EVERYWHERE = (0, 1, 2)
ASKS = 'printf "Enter a value: "; read answer; echo "answer: $answer."'


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    (tmp_path / "error").write_text(ROLE_ERROR)
    yield sandbox
    sandbox.close()


def start(sandbox, script, *own, wait="1s", arguments=(), before=(), **options):
    """Start `tfretry apply` on a terraform that counts its starts and does what *script* says."""
    terraform = sandbox.folder / "terraform"
    terraform.write_text(f"#!/bin/sh\necho >>starts\n{script}\n")
    terraform.chmod(0o755)
    waits = ["--first-wait", wait, "--longest-wait", wait, "--report", "report"]
    command = [*before, sys.executable, "-m", "tfretry", "--terraform", terraform, *waits, *own, "apply", *arguments]
    return sandbox.run(command, cwd=sandbox.folder, **options)


def starts(sandbox):
    counted = sandbox.folder / "starts"
    return counted.read_text().count("\n") if counted.exists() else 0


FAILS = "cat error >&2; exit 1"


@pytest.mark.parametrize("gone", ["in the attempt", "in the wait"])
def test_for_a_client_that_is_gone_no_further_apply_is_begun(sandbox, gone):
    """Killed, as by a time limit: what would be built then is nobody's. It is as a hang-up."""
    program = start(sandbox, "touch runs; while [ ! -e go ]; do sleep 0.1; done; " + FAILS)
    wait_until((sandbox.folder / "runs").exists, what="terraform runs")
    if gone == "in the wait":
        (sandbox.folder / "go").touch()
        program.read_until(b"retrying in", fd=2)
    program.close_reader(1)
    program.close_reader(2)
    (sandbox.folder / "go").touch()
    wait_until(program.has_ended, what="our end")
    assert (program.code, starts(sandbox)) == (129, 1)
    report = json.loads((sandbox.folder / "report").read_text())
    assert (report["outcome"], report["exit_code"]) == ("interrupted", 129)
    assert report["reason"] == "nobody reads stdout and stderr any more"


@pytest.mark.parametrize("left", [1, 2])
def test_for_a_client_that_still_reads_one_output_it_goes_on(sandbox, left):
    """`tfretry apply 2>&1 >/dev/full | head` and the like are not gone."""
    program = start(sandbox, f"[ -e starts ] && [ $(grep -c '' starts) = 3 ] && exit 0; {FAILS}", wait="100ms")
    program.close_reader(3 - left)
    assert program.wait() == 0
    assert starts(sandbox) == 3


def test_outputs_that_have_no_reader_by_nature_are_retried(sandbox):
    """A file and /dev/null."""

    def redirect():
        for target, path in ((1, os.devnull), (2, sandbox.folder / "log")):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), target)

    program = start(sandbox, FAILS, "--max-attempts", "2", wait="100ms", before_exec=redirect)
    assert (program.wait(), starts(sandbox)) == (1, 2)


def test_what_is_typed_while_it_waits_approves_nothing(sandbox):
    """Neither a line nor the beginning of one: the next apply asks, and is answered anew."""
    program = start(sandbox, f"{ASKS}; {FAILS}", "--max-attempts", "2", wait="2s", terminal=EVERYWHERE)
    program.read_until(b"Enter a value: ")
    program.type(b"yes\n")
    program.read_until(b"retrying in")
    program.type(b"yes\nye")
    program.read_until(b"Enter a value: ", count=2)
    program.type(b"no\n")
    assert program.wait() == 1
    assert program.output[1].count(b"answer: yes.") == 1
    assert program.output[1].count(b"answer: no.") == 1


@pytest.mark.parametrize("arguments", [["-auto-approve"], ["-input=false"]])
def test_what_is_typed_for_later_is_kept_where_nothing_is_asked(sandbox, arguments):
    """It is for whoever reads the terminal next."""
    script = f"[ $(grep -c '' starts) = 1 ] && {{ {FAILS}; }}; read line; echo \"line: $line.\""
    program = start(sandbox, script, wait="2s", arguments=arguments, terminal=EVERYWHERE)
    program.read_until(b"retrying in")
    program.type(b"make test\n")
    assert program.wait() == 0
    assert b"line: make test." in program.output[1]


def test_in_the_background_it_is_not_stopped(sandbox):
    """To flush the terminal from there would stop us, until somebody looks."""
    before = ["/bin/sh", "-m", "-c", '"$@" & wait $!', "sh"]
    program = start(sandbox, FAILS, "--max-attempts", "2", wait="100ms", before=before, terminal=EVERYWHERE)
    assert (program.wait(), starts(sandbox)) == (1, 2)


@pytest.mark.parametrize("holder", ["nobody", "the caller"])
def test_a_named_pipe_for_messages_is_written_once_unless_the_caller_holds_it(sandbox, holder):
    """Its reader ends with the first apply; whoever opened it then would wait for another one for ever."""
    fifo, script = sandbox.folder / "messages", f"echo message >messages; {FAILS}"
    os.mkfifo(fifo)
    sandbox.run(["/bin/sh", "-c", f"cat {fifo}"])
    hold = (lambda: os.dup2(os.open(fifo, os.O_RDWR), 5)) if holder == "the caller" else None
    program = start(
        sandbox, script, "--max-attempts", "2", wait="100ms", arguments=["-json-into=messages"], before_exec=hold
    )
    assert program.wait() == 1
    assert starts(sandbox) == (1 if holder == "nobody" else 2)
    not_retried = b"tfretry: not retried: -json-into=messages is a named pipe, and its reader ends with the first apply"
    assert (not_retried in program.output[2]) == (holder == "nobody")

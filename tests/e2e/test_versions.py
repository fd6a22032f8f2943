"""The main behaviour, on each release of terraform that a Python package has, and on the one on PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_errors import CLI_FAILS, CLI_IS_DENIED
from harness import STDIO, Sandbox
from releases import LIBRARY, NULL_PROVIDER, RELEASES, fetched, install, on_path
from saved_plans import service
from terraform_output import TFRETRY

pytestmark = [
    pytest.mark.versions,
    pytest.mark.timeout(600),  # the first test of a release downloads it
    pytest.mark.skipif(
        (sys.platform, os.uname().machine) != ("linux", "x86_64"), reason="the packages have binaries for Linux x86-64"
    ),
]
pytest_plugins = ["provider_fixture"]

SECOND_TRY = f"echo try >>tries; [ $(grep -c try tries) -ge 2 ] || {{ {CLI_FAILS}; }}"
ALWAYS_FAILS = f"echo try >>tries; {CLI_FAILS}"
WAITS_FOR_GO = f"trap '' INT; echo try >>tries; while [ ! -e go ]; do sleep 0.02; done; {CLI_FAILS}"
APPLY_UNATTENDED = ("apply", "-auto-approve", "-input=false")
AVAILABLE = (*RELEASES, *on_path())


def since(*number):
    """Run the test on each release from *number* on."""
    chosen = [release for release in AVAILABLE if release.number >= number]
    return pytest.mark.parametrize("real_terraform", chosen, indirect=True, ids=named)


def named(release):
    """The version, and whether it is a library, a package's binary or the one on PATH."""
    return f"{release.version} {'library' if release.member == LIBRARY else release.requirement.partition('=')[0]}"


@pytest.fixture(scope="session")
def cache(request):
    """Folder that keeps the downloads between runs of pytest."""
    return request.config.cache.mkdir("terraforms")


@pytest.fixture
def release(request):
    """Release on which the test runs."""
    return request.node.callspec.params["real_terraform"]


@pytest.fixture
def real_terraform(request, tmp_path, monkeypatch, cache):
    """Path of the release, which is `terraform` on PATH; it replaces the fixture of that name, also for `sim`."""
    folder = tmp_path / "release"
    folder.mkdir()
    binary = folder / "terraform"
    binary.symlink_to(install(request.param, cache))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("TFRETRY_FIRST_WAIT", "10ms")
    monkeypatch.setenv("TFRETRY_LONGEST_WAIT", "20ms")
    done = subprocess.run([binary, "version"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == f"Terraform v{request.param.version}"
    return str(binary)


class Module:
    """A root module in *folder*; `terraform init` is run if the release needs it."""

    def __init__(self, folder, *, binary, release, cache):
        self.folder = folder
        self._binary = binary
        self._release = release
        self._cache = cache

    def write(self, **commands):
        """Write a resource for each name, which depends on the one before and runs the command in a `local-exec`."""
        texts = []
        for name, command in commands.items():
            after = f'"${{{self._release.resource}.{list(commands)[len(texts) - 1]}.id}}"' if texts else '"none"'
            depends = (
                f"input = {after}" if self._release.resource == "terraform_data" else f"triggers = {{ a = {after} }}"
            )
            provisioner = f'provisioner "local-exec" {{\n    command = {json.dumps(command)}\n  }}'
            texts.append(f'resource "{self._release.resource}" "{name}" {{\n  {depends}\n  {provisioner}\n}}\n')
        (self.folder / "main.tf").write_text("".join(texts))
        if self._release.resource == "null_resource" and not (self.folder / ".terraform").exists():
            self._init()

    def _init(self):
        provider = fetched(NULL_PROVIDER, self._cache)
        for place in ("linux_amd64", "registry.terraform.io/hashicorp/null/2.1.2/linux_amd64"):  # 0.11, 0.13
            plugins = self.folder / "terraform.d" / "plugins" / place
            plugins.mkdir(parents=True)
            (plugins / provider.name).symlink_to(provider)
        subprocess.run([self._binary, "init", "-input=false"], cwd=self.folder, check=True, capture_output=True)

    def tries(self):
        return (self.folder / "tries").read_text().count("try")

    def resources(self):
        """Names of the resources in the state; check that no lock is left."""
        assert not (self.folder / ".terraform.tfstate.lock.info").exists()
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        if "modules" in state:  # 0.11
            return {address.partition(".")[2] for module in state["modules"] for address in module["resources"]}
        return {resource["name"] for resource in state["resources"]}


@pytest.fixture
def module(tmp_path, monkeypatch, real_terraform, release, cache):
    folder = tmp_path / "module"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Module(folder, binary=real_terraform, release=release, cache=cache)


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


def tfretry(*arguments):
    return run(*TFRETRY, *arguments)


@since(0)
@pytest.mark.parametrize("colour", [(), ("-no-color",)], ids=["colour", "plain"])
def test_the_role_error_is_resolved_by_a_second_apply(module, release, colour):
    """All of stdout is terraform's; our lines are on stderr."""
    module.write(cluster="true", service=SECOND_TRY)
    done = tfretry(*APPLY_UNATTENDED, *colour)
    assert (done.returncode, module.tries()) == (0, 2), done.stderr
    assert f"tfretry: {release.resource}.service: the ECS service-linked role cannot be assumed yet" in done.stderr
    assert "tfretry: applied on attempt 2" in done.stderr
    assert "tfretry" not in done.stdout
    assert module.resources() == {"cluster", "service"}


@since(0)
def test_a_permanent_error_beside_it_is_one_apply(module, release):
    """Our line names it."""
    module.write(service=ALWAYS_FAILS)
    with open("denied.tf", "w") as file:
        provisioner = f'provisioner "local-exec" {{\n    command = {json.dumps(CLI_IS_DENIED)}\n  }}'
        file.write(f'resource "{release.resource}" "denied" {{\n  {provisioner}\n}}\n')
    done = tfretry(*APPLY_UNATTENDED)
    assert (done.returncode, module.tries()) == (1, 1)
    assert f"tfretry: not retried: {release.resource}.denied failed for another reason" in done.stderr


@since(0)
def test_it_gives_up(module):
    """The exit code is terraform's, and our line has the remedy."""
    module.write(service=ALWAYS_FAILS)
    done = tfretry("--max-attempts=3", *APPLY_UNATTENDED)
    assert (done.returncode, module.tries()) == (1, 3)
    assert "tfretry: gave up after 3 attempts" in done.stderr
    assert "create-service-linked-role" in done.stderr


@since(0, 15, 3)
def test_the_error_is_found_in_json(module):
    """Each line of stdout is terraform's JSON; the report has its version."""
    module.write(service=SECOND_TRY)
    done = tfretry("--report=report.json", *APPLY_UNATTENDED, "-json")
    assert (done.returncode, module.tries()) == (0, 2), done.stdout
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["@module"] for each in messages} == {"terraform.ui"}
    report = json.loads(Path("report.json").read_text())
    assert (report["outcome"], report["terraform"]["version"]) == ("applied", messages[0]["terraform"])


@since(0)
def test_everything_else_is_terraforms_own(module, real_terraform):
    """Both outputs and the exit code are the same."""
    module.write(service="true")
    for arguments in (
        ["version"],
        ["plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false"],
        ["output", "-json"],
        ["validate"],
        ["apply", "-nonsense"],
        ["frobnicate"],
        ["-help"],
        [],
    ):
        bare, ours = run(real_terraform, *arguments), tfretry(*arguments)
        assert (ours.returncode, ours.stdout, ours.stderr) == (bare.returncode, bare.stdout, bare.stderr), arguments


@since(0)
def test_after_an_interrupt_nothing_is_retried(module, tmp_path, real_terraform):
    """Terraform gets it once, and exit code and state are those of terraform alone."""
    results = []
    for command in ([real_terraform], TFRETRY):
        for left in ("tries", "go", "terraform.tfstate"):
            (module.folder / left).unlink(missing_ok=True)
        module.write(cluster="true", service=WAITS_FOR_GO)
        sandbox = Sandbox(tmp_path)
        try:
            program = sandbox.run([*command, *APPLY_UNATTENDED, "-no-color"], terminal=STDIO, cwd=module.folder)
            program.read_while(lambda: not (module.folder / "tries").exists(), what="the apply's middle")
            program.type(b"\x03")
            program.read_until(b"nterrupt received.")
            (module.folder / "go").touch()
            code = program.wait(60)
            assert sandbox.nothing_is_left()
        finally:
            sandbox.close()
        assert b"Two interrupts" not in program.output[1]
        results.append((code, module.tries(), module.resources(), b"tfretry" in program.output[1]))
    bare, ours = results
    assert ours == bare
    assert ours[1:] == (1, {"cluster", "service"}, False)


@since(0, 15, 2)
def test_a_replaced_object_is_not_replaced_again(module, release):
    """The retry has no -replace."""
    module.write(cluster="echo made >>cluster")
    assert tfretry(*APPLY_UNATTENDED).returncode == 0
    module.write(cluster="echo made >>cluster", service=SECOND_TRY)
    done = tfretry(*APPLY_UNATTENDED, f"-replace={release.resource}.cluster")
    assert (done.returncode, module.tries()) == (0, 2), done.stderr
    assert Path("cluster").read_text() == "made\n" * 2


@since(1, 0)
def test_a_saved_plan_is_continued(sim, release):
    """Each approved change is made once, and nothing else; terraform before 1.1 may be refused."""
    sim.applied(service("a", "size = 1"))
    sim.write(service("a", "size = 2") + service("b") + service("c", "note = sim_service.b.id"))
    sim.plan("tfplan")
    sim.fail("create", "b", gate=False, attempts=1)
    done = sim.tfretry("apply", "-input=false", "tfplan")
    made = sorted(sim.calls("create", "update", "delete", "failed create", "failed update"))
    rest = [("create", "b"), ("create", "c")]
    if release.number < (1, 1) and done.returncode == 1:
        assert "tfretry: not continued: " in done.stderr
        rest = []
    else:
        assert done.returncode == 0, done.stderr
        assert "tfretry: applied on attempt 2" in done.stderr
    assert made == sorted([*rest, ("failed create", "b"), ("update", "a")])

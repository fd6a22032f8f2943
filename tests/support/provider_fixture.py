"""The fixture `sim`: a root module, a cloud of its own, and the provider between them, with no `init` and no network.

For a test module that says `pytest_plugins = ["provider_fixture"]`. The errors are in provider.cloud.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from provider.cloud import EVERY, Call, Cloud, Fault

TFRETRY = (sys.executable, "-m", "tfretry")
HERE = Path(__file__).parent
PATIENCE_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sim:
    """The world of one test: *folder* holds the root module and is the current directory."""

    folder: Path
    cloud: Cloud

    @property
    def env(self) -> dict[str, str]:
        """The environment in which terraform finds the provider: this process has it too."""
        return dict(os.environ)

    def write(self, text: str, name: str = "main.tf") -> None:
        """Write a file of the module."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def terraform(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run terraform there, with its input closed unless *options* say otherwise."""
        return self._run("terraform", *arguments, **options)

    def tfretry(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run tfretry there."""
        return self._run(*TFRETRY, *arguments, **options)

    def applied(self, text: str) -> None:
        """Write the module and apply it, which must work; forget the calls that this took."""
        self.write(text)
        done = self.terraform("apply", "-auto-approve", "-no-color")
        assert done.returncode == 0, done.stderr
        self.forget()

    def plan(self, out: str, *arguments: str) -> Any:
        """Plan into the file *out*, which must work, and return what `show -json` says of it."""
        done = self.terraform("plan", "-input=false", "-no-color", f"-out={out}", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(self.terraform("show", "-json", out).stdout)

    def fail(self, verb: str, name: str = EVERY, **fault: Any) -> None:
        """Make a verb fail on an object (or on all) until the gate opens; see `Fault` for other ends and ways."""
        self.cloud.set_fault(verb, name, Fault(**fault))

    def heal(self, verb: str, name: str = EVERY) -> None:
        """Take one fault away; the others stay."""
        self.cloud.set_fault(verb, name, None)

    def gate(self) -> None:
        """End all faults that wait for it."""
        self.cloud.open_gate()

    def fact(self, name: str, value: str) -> None:
        """Give the data source *name* its value."""
        self.cloud.set_fact(name, value)

    def drift(self, name: str, **values: Any) -> None:
        """Change the objects of that name behind terraform's back."""
        found = [each for each in self.cloud.objects() if each["name"] == name]
        assert found, f"no object is called {name}"
        for each in found:
            self.cloud.put(each["id"], {**each, **values})

    def put(self, object_id: str, **values: Any) -> None:
        """Make an object that terraform does not know, to be imported."""
        self.cloud.put(object_id, {"id": object_id, "arn": f"arn:{object_id}", "revision": 1, **values})

    def objects(self) -> list[dict[str, Any]]:
        """What is in the cloud."""
        return self.cloud.objects()

    def calls(self, *verbs: str) -> list[Call]:
        """What the provider did, in order: all of it, or these *verbs* alone (`create`, `failed create`, …)."""
        made = [Call(each["verb"], each["name"]) for each in self.cloud.log_lines()]
        return [call for call in made if not verbs or call.verb in verbs]

    def forget(self) -> None:
        """Start counting anew."""
        (self.cloud.root / "calls").unlink(missing_ok=True)

    def _run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        given = {"cwd": self.folder, "text": True, "timeout": PATIENCE_S, **piped, **options}
        return subprocess.run(command, check=False, **given)


@pytest.fixture(scope="session")
def sim_provider(tmp_path_factory) -> Path:
    """The provider's executable and certificate, and terraform's configuration that names them."""
    from provider.certificate import write_certificate

    folder = tmp_path_factory.mktemp("sim")
    write_certificate(folder)
    # Without `site` the start is quicker, and no coverage or editable install hooks in.
    paths = os.pathsep.join(dict.fromkeys([str(HERE), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]))
    words = shlex.join([sys.executable, "-S", "-m", "provider", str(folder)])
    binary = folder / "terraform-provider-sim"
    binary.write_text(f"#!/bin/sh\nPYTHONPATH={shlex.quote(paths)} exec {words}\n")
    binary.chmod(0o755)
    configuration = folder / "terraform.tfrc"
    overrides = f'dev_overrides {{\n    "hashicorp/sim" = {json.dumps(str(folder))}\n  }}'
    configuration.write_text(f"provider_installation {{\n  {overrides}\n  direct {{}}\n}}\n")
    return configuration


@pytest.fixture
def sim(tmp_path, monkeypatch, real_terraform, sim_provider) -> Sim:
    """A module, its cloud, and an environment in which terraform finds the provider of tests/support/provider."""
    assert real_terraform
    world = Sim(folder=tmp_path / "module", cloud=Cloud(root=tmp_path / "cloud"))
    world.folder.mkdir()
    world.cloud.prepare()
    monkeypatch.chdir(world.folder)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(sim_provider))
    monkeypatch.setenv("SIM_CLOUD", str(world.cloud.root))
    return world

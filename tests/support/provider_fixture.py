"""The fixture `sim`: a root module whose provider keeps its objects in files. It needs no `init` and no network.

A test module that uses it has `pytest_plugins = ["provider_fixture"]`. The provider logs each call that it gets, so a
change that terraform makes twice is in the log twice. Its error messages are in provider.cloud.
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
from harness import HERE
from provider.cloud import EVERY, Call, Cloud, Fault
from terraform_output import APPLY, TFRETRY

TIMEOUT_S = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sim:
    """The root module in *folder*, which is the current directory, its objects in *cloud*, and *binary*, terraform."""

    binary: str
    folder: Path
    cloud: Cloud

    @property
    def env(self) -> dict[str, str]:
        """A copy of the environment of this process, in which terraform finds the provider."""
        return dict(os.environ)

    def write(self, text: str, name: str = "main.tf") -> None:
        """Write a file of the root module."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def terraform(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run terraform in the module; its stdin is empty unless *options* have another."""
        return self._run(self.binary, *arguments, **options)

    def tfretry(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run tfretry in the module, likewise."""
        return self._run(*TFRETRY, *arguments, **options)

    def applied(self, text: str) -> None:
        """Write the module, apply it successfully, and empty the log of calls."""
        self.write(text)
        done = self.terraform(*APPLY)
        assert done.returncode == 0, done.stderr
        self.forget()

    def plan(self, out: str, *arguments: str) -> Any:
        """Plan successfully into the file *out*, and return its `show -json`."""
        done = self.terraform("plan", "-input=false", "-no-color", f"-out={out}", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(self.terraform("show", "-json", out).stdout)

    def fail(self, verb: str, name: str = EVERY, **fault: Any) -> None:
        """Make calls of *verb* fail for one object, or all, until the gate is open or as *fault* says (see `Fault`)."""
        self.cloud.set_fault(verb, name, Fault(**fault))

    def repair(self, verb: str, name: str = EVERY) -> None:
        """Remove one fault."""
        self.cloud.set_fault(verb, name, None)

    def gate(self) -> None:
        """Open the gate: end the faults that last until then."""
        self.cloud.open_gate()

    def fact(self, name: str, value: str) -> None:
        """Give the data source *name* its value."""
        self.cloud.set_fact(name, value)

    def drift(self, name: str, **values: Any) -> None:
        """Change the objects of that name without terraform."""
        found = [each for each in self.cloud.objects() if each["name"] == name]
        assert found, f"no object is called {name}"
        for each in found:
            self.cloud.put(each["id"], {**each, **values})

    def put(self, object_id: str, **values: Any) -> None:
        """Create an object without terraform, for an import."""
        self.cloud.put(object_id, {"id": object_id, "arn": f"arn:{object_id}", "revision": 1, **values})

    def objects(self) -> list[dict[str, Any]]:
        """All objects that exist."""
        return self.cloud.objects()

    def calls(self, *verbs: str) -> list[Call]:
        """Calls that the provider got, in order; if *verbs* are given (`create`, `failed create`, …), only those."""
        calls = [Call(each["verb"], each["name"]) for each in self.cloud.log_lines()]
        return [call for call in calls if not verbs or call.verb in verbs]

    def forget(self) -> None:
        """Empty the log of calls."""
        (self.cloud.root / "calls").unlink(missing_ok=True)

    def _run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        given = {"cwd": self.folder, "text": True, "timeout": TIMEOUT_S, **piped, **options}
        return subprocess.run(command, check=False, **given)


@pytest.fixture(scope="session")
def sim_provider(tmp_path_factory) -> Path:
    """Path of a configuration file for terraform, which names the provider's executable."""
    from provider.certificate import write_certificate

    folder = tmp_path_factory.mktemp("sim")
    write_certificate(folder)
    # -S: it starts faster, and neither coverage nor an editable install runs code in it.
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
    """An empty root module, and an environment in which terraform finds the provider of tests/support/provider."""
    sim = Sim(binary=real_terraform, folder=tmp_path / "module", cloud=Cloud(root=tmp_path / "cloud"))
    sim.folder.mkdir()
    sim.cloud.prepare()
    monkeypatch.chdir(sim.folder)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(sim_provider))
    monkeypatch.setenv("SIM_CLOUD", str(sim.cloud.root))
    return sim

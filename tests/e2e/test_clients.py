"""Programs that start terraform, with tfretry in its place: their apply is retried and they get what they expect."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600), pytest.mark.usefixtures("real_terraform")]
pytest_plugins = ["client_fixture", "provider_fixture"]


def tries(folder):
    return (folder / "tries").read_text().count("try")


def test_python_terraform(run_python, module, tfretry_binary):
    """It takes the path of the binary and captures both outputs."""
    script = """
import sys, python_terraform
client = python_terraform.Terraform(working_dir=sys.argv[2], terraform_bin_path=sys.argv[1])
assert client.init()[0] == 0
code, stdout, stderr = client.apply(skip_plan=True)
assert code == 0, stderr
assert "Apply complete!" in stdout and "tfretry: applied on attempt 2" in stderr
assert client.output()["x"]["value"] == "made"
"""
    run_python("python-terraform", script, tfretry_binary, module)
    assert tries(module) == 2


def test_tftest(run_python, module, tfretry_binary):
    """It takes the path of the binary and reads the output values as JSON."""
    script = """
import sys, tftest
client = tftest.TerraformTest(sys.argv[2], binary=sys.argv[1])
client.setup()
assert "Apply complete!" in client.apply()
assert client.output()["x"] == "made"
"""
    run_python("tftest", script, tfretry_binary, module)
    assert tries(module) == 2


def test_tofupy(run_python, module, tfretry_binary):
    """It applies with -json and parses each line of stdout."""
    script = """
import sys, tofupy
client = tofupy.Tofu(cwd=sys.argv[2], binary=sys.argv[1])
assert client.init()
assert client.apply().added == 1
assert client.output()["x"].value == "made"
"""
    run_python("tofupy", script, tfretry_binary, module)
    assert tries(module) == 2


def test_plumbum(run_python, module, tfretry_binary):
    """It raises an exception if the exit code is not 0."""
    script = """
import sys, plumbum
terraform = plumbum.local[sys.argv[1]]
terraform("-chdir=" + sys.argv[2], "init")
assert "Apply complete!" in terraform("-chdir=" + sys.argv[2], "apply", "-auto-approve")
"""
    run_python("plumbum", script, tfretry_binary, module)
    assert tries(module) == 2


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - community.general.terraform:
        project_path: {folder}
        binary_path: {binary}
"""


def test_ansible(python_client, sim, tfretry_binary, tmp_path):
    """Its module plans into a file and applies that file."""
    sim.write('resource "sim_service" "a" {\n  name = "a"\n}\n')
    sim.fail("create", "a", attempts=1)
    (tmp_path / "play.yml").write_text(PLAY.format(folder=sim.folder, binary=tfretry_binary))
    programs = python_client("ansible")
    argv = [
        programs / "ansible-playbook",
        "--inventory=localhost,",
        f"--extra-vars=ansible_python_interpreter={programs / 'python'}",
        tmp_path / "play.yml",
    ]
    env = {**os.environ, "TFRETRY_FIRST_WAIT": "0s", "HOME": str(tmp_path)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=1" in done.stdout
    assert [call.name for call in sim.calls("create")] == ["a"]
    assert [call.name for call in sim.calls("failed create")] == ["a"]


def test_cdktf(cdktf, folder, provisioner, tfretry_binary):
    """It runs terraform on a terminal of its own."""
    stack = {
        "//": {"metadata": {"backend": "local", "stackName": "s", "version": "0.21.0", "overrides": {}}, "outputs": {}},
        "terraform": {"backend": {"local": {"path": f"{folder}/terraform.tfstate"}}},
        "resource": {
            "terraform_data": {"s": {"provisioner": [{"local-exec": {"command": provisioner}}]}},
        },
    }
    manifest = {
        "version": "0.21.0",
        "stacks": {
            "s": {
                "name": "s",
                "constructPath": "s",
                "workingDirectory": "stacks/s",
                "synthesizedStackPath": "stacks/s/cdk.tf.json",
                "annotations": [],
                "dependencies": [],
            }
        },
    }
    (folder / "cdk.tf.json").write_text(json.dumps(stack))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    # Instead of synthesizing the stack, copy it to its place.
    synthesize = "mkdir -p cdktf.out/stacks/s; cp manifest.json cdktf.out; cp cdk.tf.json cdktf.out/stacks/s"
    app = {"language": "python", "app": f"sh -c '{synthesize}'", "projectId": "0", "sendCrashReports": "false"}
    (folder / "cdktf.json").write_text(json.dumps(app))
    env = {
        **os.environ,
        "TERRAFORM_BINARY_NAME": str(tfretry_binary),
        "DISABLE_VERSION_CHECK": "1",
        "HOME": str(folder),
    }
    argv = [cdktf, "deploy", "s", "--auto-approve"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Apply complete!" in done.stdout
    assert tries(folder) == 2

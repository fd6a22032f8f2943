from __future__ import annotations

import contextlib
import os

import pytest

from tfretry.terraform.inputs import spent_option, spent_variable


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def pipe():
    reads, written = os.pipe()
    yield {"read": f"/dev/fd/{reads}", "written": f"/dev/fd/{written}"}
    for fd in (reads, written):
        with contextlib.suppress(OSError):
            os.close(fd)


def option(name, value):
    return spent_option([("no-color", None), (name, str(value))], str)


@pytest.mark.parametrize("name", ["var-file", "target-file", "exclude-file"])
def test_what_can_be_read_only_once_is_spent(fifo, pipe, tmp_path, name):
    """The second apply would find it empty: defaults instead of values, all instead of the targets."""
    regular = tmp_path / "regular"
    regular.touch()
    for path in (fifo, pipe["read"]):
        assert f"-{name}={path} is no regular file" in option(name, path)
    for path in (regular, os.devnull, tmp_path / "missing"):
        assert option(name, path) is None


def test_a_named_pipe_that_is_written_is_spent_unless_we_hold_it(fifo, pipe, tmp_path):
    """Its reader ends with the first apply, and whoever opens it then waits for another one for ever."""
    assert "named pipe" in option("json-into", fifo)
    assert "named pipe" in spent_variable({"TF_LOG_PATH": str(fifo)})
    for path in (pipe["written"], tmp_path / "file", os.devnull):
        assert option("json-into", path) is None
        assert spent_variable({"TF_LOG_PATH": str(path)}) is None
    held = os.open(fifo, os.O_RDWR)
    assert option("json-into", fifo) is None
    os.close(held)


def test_a_pipe_that_any_variable_names_is_spent(pipe, fifo):
    """As in `TF_VAR_key=<(…)`, whoever reads it."""
    for name in ("TF_VAR_key", "TF_CLI_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert f"{name} is no regular file" in spent_variable({"HOME": "/", name: pipe["read"]})
    assert "TF_CLI_CONFIG_FILE" in spent_variable({"TF_CLI_CONFIG_FILE": str(fifo)})
    assert "-var=key=/dev/fd/" in option("var", f"key={pipe['read']}")
    for value in (pipe["written"], "/dev/fd/", "/dev/fd/x", "/dev/fd/99999999999", "/dev/fd/9999", os.devnull, ""):
        assert spent_variable({"TF_VAR_key": value, "TF_CLI_CONFIG_FILE": "", "TF_LOG_PATH": ""}) is None

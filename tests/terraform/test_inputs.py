from __future__ import annotations

import os
import sys

import pytest

from tfretry.terraform.inputs import spent_option, spent_variable
from tfretry.terraform.words import Word


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.fixture
def pipe():
    read_end, write_end = os.pipe()
    yield {"read": f"/dev/fd/{read_end}", "write": f"/dev/fd/{write_end}"}
    os.close(read_end)
    os.close(write_end)


def option(name, value):
    return spent_option([Word("no-color", None, 0), Word(name, str(value), 1)], str)


@pytest.mark.parametrize("name", ["var-file", "target-file", "exclude-file"])
def test_an_input_that_is_not_a_regular_file_is_spent(fifo, pipe, tmp_path, name):
    """A second apply would find it empty, and take defaults for values, or everything for the targets."""
    regular = tmp_path / "regular"
    regular.touch()
    for path in (fifo, pipe["read"]):
        assert f"-{name}={path} is not a regular file" in option(name, path)
    for path in (regular, os.devnull, tmp_path / "missing"):
        assert option(name, path) is None


def test_a_named_pipe_for_output_is_spent_unless_we_hold_it_open(fifo, pipe, tmp_path):
    """Its reader ends with the first apply; a second apply would wait for a reader for ever."""
    assert "named pipe" in option("json-into", fifo)
    assert "named pipe" in spent_variable({"TF_LOG_PATH": str(fifo)})
    for path in (pipe["write"], tmp_path / "file", os.devnull):
        assert option("json-into", path) is None
        assert spent_variable({"TF_LOG_PATH": str(path)}) is None
    held = os.open(fifo, os.O_RDWR)
    assert option("json-into", fifo) is None
    os.close(held)


def test_a_pipe_that_a_variable_names_is_spent(pipe, fifo):
    """As in `TF_VAR_key=<(…)`; any variable may be read by something."""
    for name in ("TF_VAR_key", "TF_CLI_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert f"{name} is not a regular file" in spent_variable({"HOME": "/", name: pipe["read"]})
    assert "TF_CLI_CONFIG_FILE" in spent_variable({"TF_CLI_CONFIG_FILE": str(fifo)})
    reason = option("var", f"key={pipe['read']}")
    assert reason.startswith("-var=key is not a regular file")
    assert pipe["read"] not in reason
    for value in (pipe["write"], "/dev/fd/", "/dev/fd/x", "/dev/fd/99999999999", "/dev/fd/9999", os.devnull, ""):
        assert spent_variable({"TF_VAR_key": value, "TF_CLI_CONFIG_FILE": "", "TF_LOG_PATH": ""}) is None


def test_stdin_is_spent_if_it_is_a_pipe(pipe):
    """`-var=key=/dev/stdin` is what `/dev/fd/0` is."""
    stdin = os.dup(0)
    os.dup2(int(pipe["read"].rpartition("/")[2]), 0)
    try:
        assert option("var", "key=/dev/stdin")
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)


def test_elsewhere_than_on_linux_a_descriptor_is_read_once(tmp_path, monkeypatch):
    """A program that opens its path there continues where the last reader has stopped: fd(4)."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with (tmp_path / "file").open("w") as file:
        assert option("var-file", f"/dev/fd/{file.fileno()}")
    assert option("var-file", tmp_path / "file") is None

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from without_linux import stat_without_proc

from tfretry.plan.nameless import nameless_file, path_for_terraform

READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
OPENED = """
import os, sys
found = b""
for number in range(3, 64):
    try:
        found += os.pread(number, 1 << 20, 0)
    except OSError:
        pass
sys.stdout.buffer.write(found)
"""
has_proc = pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="there is no /proc here")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The empty folder of temporary files, which Python looks up again."""
    monkeypatch.setenv("TMPDIR", os.fspath(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.fixture(params=["memory", "disk", "a system that refuses memory"])
def file(request, temporary, monkeypatch):  # noqa: ARG001  # it looks for its folder when it is made
    """A nameless file, in memory and on disk."""
    if request.param == "disk":
        monkeypatch.delattr("os.memfd_create", raising=False)
    if request.param == "a system that refuses memory":

        def refuse(*_arguments):
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr("os.memfd_create", refuse, raising=False)
    with nameless_file() as file:
        yield file


@pytest.fixture
def without_proc(monkeypatch):
    """A system without /proc."""
    monkeypatch.setattr("os.stat", stat_without_proc)


def test_a_file_has_no_name(file, temporary):
    """Nothing is left of it, even if everything is killed."""
    file.write(b"s3cret" * 100_000)
    file.flush()
    assert list(temporary.iterdir()) == []
    assert os.fstat(file.fileno()).st_nlink == 0


def test_a_file_is_empty_and_can_be_written_and_read(file):
    """By its descriptor, too: terraform's answers are written there."""
    assert file.read() == b""
    os.write(file.fileno(), b"abc")
    file.seek(0)
    assert file.read() == b"abc"
    file.write(b"def")
    file.seek(0)
    assert file.read() == b"abcdef"


def test_a_file_is_not_inherited(file):
    """A child that inherits every inheritable descriptor does not have it."""
    file.write(b"s3cret")
    file.flush()
    assert not os.get_inheritable(file.fileno())
    assert b"s3cret" not in subprocess.check_output([sys.executable, "-c", OPENED], close_fds=False)


@has_proc
def test_a_child_reads_a_file_by_its_path(file):
    """Even if its descriptors are closed, as by a wrapper in Python; several times, each from the start."""
    file.write(b"the plan" * 100_000)
    path = path_for_terraform(file)
    assert path == f"/proc/{os.getpid()}/fd/{file.fileno()}"
    for close in (True, False, True):
        assert subprocess.check_output([sys.executable, "-c", READ, path], close_fds=close) == b"the plan" * 100_000
    assert not os.get_inheritable(file.fileno())


@has_proc
def test_a_child_of_a_child_reads_it_too(file):
    """As terraform behind a wrapper does."""
    file.write(b"the plan")
    wrapper = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {READ!r}, sys.argv[1]], check=True)"
    assert subprocess.check_output([sys.executable, "-c", wrapper, path_for_terraform(file)]) == b"the plan"


@pytest.mark.usefixtures("without_proc")
def test_without_proc_a_child_inherits_the_file(file):
    """It reads the file by the number of the descriptor."""
    file.write(b"the plan")
    path = path_for_terraform(file)
    assert path == f"/dev/fd/{file.fileno()}"
    assert os.get_inheritable(file.fileno())
    assert subprocess.check_output([sys.executable, "-c", READ, path], close_fds=False) == b"the plan"


@has_proc
def test_a_proc_that_shows_other_files_is_not_trusted(file, tmp_path, monkeypatch):
    """As where /proc is that of another PID namespace."""
    real = os.stat
    monkeypatch.setattr("os.stat", lambda _path, **options: real(tmp_path, **options))
    assert path_for_terraform(file) == f"/dev/fd/{file.fileno()}"


def test_the_path_has_the_complete_content(file):
    """Also the last bytes, which Python may still buffer."""
    file.write(b"a")
    with open(path_for_terraform(file), "rb") as reader:
        assert reader.read() == b"a"
    file.seek(0, os.SEEK_END)
    file.write(b"b")
    with open(path_for_terraform(file), "rb") as reader:
        assert reader.read() == b"ab"


def test_a_file_that_is_closed_is_gone(file):
    """Its path does not exist any more."""
    file.write(b"the plan")
    path = path_for_terraform(file)
    file.close()
    assert not os.path.exists(path)

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tfretry.errors import PlanError
from tfretry.plan.plan_file import PlanFile, variable_files

CONTENT = b"the plan " * 100_000
OVERWRITTEN = "the plan file has been overwritten since the first attempt"


@pytest.fixture
def path(tmp_path):
    """Path of the plan file."""
    path = tmp_path / "a plan é"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def plan(path):
    """The plan file as it was opened before the first attempt."""
    plan = PlanFile(os.fspath(path))
    yield plan
    plan.close()


def descriptors() -> set[str]:
    return set(os.listdir("/dev/fd"))


def rename_over(path):
    (path.parent / "other").write_bytes(b"another plan")
    (path.parent / "other").rename(path)


def replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


HARMLESS = {
    "nothing": os.fspath,
    "delete": Path.unlink,
    "rename": lambda path: path.rename(path.parent / "elsewhere"),
    "rename over": rename_over,
    "chmod": lambda path: path.chmod(0),
    "touch": lambda path: os.utime(path, (1, 1)),
    "hard link": lambda path: os.link(path, path.parent / "link"),
    "fifo": replace_by_fifo,
    "write the same": lambda path: path.write_bytes(CONTENT),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_the_approved_file_is_read_whatever_happens_to_its_name(path, plan, name):
    """Another file may have its name; only a change of its content matters."""
    HARMLESS[name](path)
    assert plan.read() == CONTENT
    assert plan.read() == CONTENT


def write_in_place(path, content, *, at=0):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


OVERWRITES = {
    "another content": lambda path: path.write_bytes(b"another plan"),
    "one byte": lambda path: write_in_place(path, b"T"),
    "the last byte": lambda path: write_in_place(path, b"T", at=len(CONTENT) - 1),
    "a byte more": lambda path: write_in_place(path, b"T", at=len(CONTENT)),
    "a byte less": lambda path: os.truncate(path, len(CONTENT) - 1),
    "nothing any more": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("name", OVERWRITES)
@pytest.mark.parametrize("through", ["its name", "a link", "a hard link"])
def test_a_file_that_is_overwritten_in_place_is_refused(path, plan, name, through):
    """As by `plan -out` with the same name; its times may be unchanged."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    other = path.parent / "other"
    if through == "a link":
        other.symlink_to(path)
    if through == "a hard link":
        os.link(path, other)
    OVERWRITES[name](path if through == "its name" else other)
    os.utime(path, ns=times)
    with pytest.raises(PlanError, match=f"^{OVERWRITTEN}$"):
        plan.read()


def test_a_plan_behind_a_link_is_read(path):
    """The link may go elsewhere later."""
    link = path.parent / "link"
    link.symlink_to(path)
    plan = PlanFile(os.fspath(link))
    link.unlink()
    link.symlink_to("elsewhere")
    assert plan.read() == CONTENT
    plan.close()


def test_an_empty_regular_file_is_read(tmp_path):
    """The reader of the archive reports that it is no plan."""
    (tmp_path / "empty").touch()
    plan = PlanFile(os.fspath(tmp_path / "empty"))
    assert plan.read() == b""
    plan.close()


def loop(path):
    path.symlink_to(path)


def listen(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))


UNREADABLE = {
    "missing": (os.fspath, "No such file or directory"),
    "a directory": (Path.mkdir, "it is no regular file"),
    "a FIFO": (os.mkfifo, "it is no regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
    "a loop of links": (loop, "Too many levels of symbolic links"),
    "a socket": (listen, "No such device or address"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_prevents_only_the_retry(tmp_path, name):
    """Nothing hangs and nothing is raised before the first attempt; no descriptor is left open."""
    make, why = UNREADABLE[name]
    make(tmp_path / "p")
    before = descriptors()
    plan = PlanFile(os.fspath(tmp_path / "p"))
    assert descriptors() == before
    with pytest.raises(PlanError, match=rf"^the plan file cannot be read \({why}\)$"):
        plan.read()
    plan.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_we_may_not_read_prevents_only_the_retry(path):
    """Terraform reports it itself."""
    path.chmod(0)
    with pytest.raises(PlanError, match=r"\(Permission denied\)$"):
        PlanFile(os.fspath(path)).read()


def test_a_name_below_a_file_prevents_only_the_retry(path):
    """As if the file were a folder."""
    with pytest.raises(PlanError, match=r"\(Not a directory\)$"):
        PlanFile(os.fspath(path / "p")).read()


INHERITED = """
import os, sys
for number in range(3, 64):
    try:
        print(os.path.samestat(os.fstat(number), os.stat(sys.argv[1])))
    except OSError:
        pass
"""


def test_the_open_file_is_not_inherited(path, plan):
    """Not by terraform, its providers or its provisioners."""
    (opened,) = [int(number) for number in descriptors() if is_open_on(int(number), path)]
    assert not os.get_inheritable(opened)
    found = subprocess.check_output([sys.executable, "-c", INHERITED, path], close_fds=False)
    assert b"True" not in found
    assert plan.read() == CONTENT


def is_open_on(number, path):
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except OSError:
        return False


def test_a_closed_plan_has_no_descriptor(path):
    """To close it twice makes no difference."""
    before = descriptors()
    plan = PlanFile(os.fspath(path))
    assert len(descriptors()) == len(before) + 1
    plan.close()
    plan.close()
    assert descriptors() == before


FOUND = ["terraform.tfvars", "terraform.tfvars.json", "a.auto.tfvars", "a b.auto.tfvars.json", ".auto.tfvars"]
NOT_FOUND = [
    "other.tfvars",
    "a.tfvars.json",
    "auto.tfvars",
    "terraform.tfvars.bak",
    "a.auto.tfvars.jso",
    "main.tf",
    "TERRAFORM.TFVARS",
]


@pytest.fixture
def folder(tmp_path):
    """Folder in which terraform runs, with files that it reads by itself and others."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in [*FOUND, *NOT_FOUND]:
        (folder / name).write_text(name)
    (folder / "sub").mkdir()
    (folder / "sub" / "terraform.tfvars").write_text("of another module")
    return folder


def names(found):
    return sorted(os.path.basename(path) for path in found)


def test_variable_files_are_those_that_terraform_reads_by_itself(folder):
    """In its folder alone."""
    assert names(variable_files(os.fspath(folder), [])) == sorted(FOUND)


def test_variable_files_include_those_of_options(folder):
    """Wherever they are, each once."""
    named = [os.fspath(folder / name) for name in ("other.tfvars", "sub/terraform.tfvars", "terraform.tfvars")]
    found = variable_files(os.fspath(folder), iter(named))
    assert names(found) == sorted([*FOUND, "other.tfvars", "terraform.tfvars"])
    assert {*named} <= found.keys()


@pytest.mark.parametrize("name", [FOUND[0], FOUND[2], "other.tfvars"])
def test_a_change_of_a_variable_file_is_noticed(folder, name):
    """If it is overwritten, removed or created, but not if it is only touched."""
    path = folder / name

    def found():
        return variable_files(os.fspath(folder), [os.fspath(folder / "other.tfvars")])

    before = found()
    path.touch()
    path.chmod(0o600)
    assert found() == before
    path.write_text("changed")
    changed = found()
    assert changed.keys() == before.keys()
    assert {each for each in before if changed[each] != before[each]} == {os.fspath(path)}
    path.unlink()
    assert before.keys() - found().keys() == {os.fspath(path)}
    path.write_text(name)
    assert found() == before


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, loop], ids=["FIFO", "directory", "loop"])
def test_a_variable_file_that_is_no_regular_file_is_not_read(tmp_path, make):
    """A FIFO gives its content only once, and terraform must have it."""
    for name in ("terraform.tfvars", "a.auto.tfvars", "named"):
        make(tmp_path / name)
    assert variable_files(os.fspath(tmp_path), [os.fspath(tmp_path / "named"), "/dev/stdin", "/dev/zero"]) == {}


def test_a_variable_file_behind_a_link_is_its_content(tmp_path):
    """The content of the target matters, not its name."""
    (tmp_path / "one").write_text("1")
    (tmp_path / "other").write_text("1")
    link = tmp_path / "terraform.tfvars"
    link.symlink_to("one")
    before = variable_files(os.fspath(tmp_path), [])
    link.unlink()
    link.symlink_to("other")
    assert variable_files(os.fspath(tmp_path), []) == before
    (tmp_path / "other").write_text("2")
    assert variable_files(os.fspath(tmp_path), []) != before


def test_a_folder_that_is_not_there_has_no_variable_files(tmp_path):
    """As with a `-chdir` that terraform will refuse."""
    assert variable_files(os.fspath(tmp_path / "missing"), [os.fspath(tmp_path / "missing" / "x")]) == {}

from __future__ import annotations

import os

import pytest

from tfretry.savedplan.premises import SENTENCES, changed, premises


@pytest.fixture
def ground(tmp_path):
    """A plan file and a data directory, as `terraform init` and `workspace select` leave them."""
    (tmp_path / "tfplan").write_bytes(b"plan")
    (tmp_path / ".terraform").mkdir()
    (tmp_path / ".terraform" / "environment").write_text("blue")
    (tmp_path / ".terraform" / "terraform.tfstate").write_text('{"backend": {"config": {"token": "s3cret"}}}')
    return tmp_path


def take(folder):
    return premises(os.fspath(folder / "tfplan"), os.fspath(folder / ".terraform"))


def test_what_nobody_touches_stays_the_same(ground):
    """Reading changes nothing."""
    before = take(ground)
    (ground / "tfplan").read_bytes()
    assert changed(before, take(ground)) == []


def test_an_exchanged_plan_file_is_noticed(ground):
    """Another file under the name, with the same content."""
    before = take(ground)
    (ground / "other").write_bytes(b"plan")
    (ground / "other").replace(ground / "tfplan")
    assert changed(before, take(ground)) == [SENTENCES["plan_file"]]


def test_an_overwritten_plan_file_is_noticed_even_with_its_old_time(ground):
    """The same length, and the modification time put back."""
    before, status = take(ground), (ground / "tfplan").stat()
    (ground / "tfplan").write_bytes(b"nalp")
    os.utime(ground / "tfplan", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed(before, take(ground)) == [SENTENCES["plan_file"]]


@pytest.mark.parametrize(("name", "field"), [("environment", "workspace"), ("terraform.tfstate", "backend")])
def test_another_workspace_or_backend_is_noticed(ground, name, field):
    """Written, removed, or made where there was none."""
    before = take(ground)
    (ground / ".terraform" / name).write_text("another")
    assert changed(before, take(ground)) == [SENTENCES[field]]
    (ground / ".terraform" / name).unlink()
    without = take(ground)
    assert changed(before, without) == [SENTENCES[field]]
    assert changed(without, before) == [SENTENCES[field]]


def test_a_snapshot_keeps_no_credentials(ground):
    """A backend's configuration may hold some."""
    assert "s3cret" not in repr(take(ground))


def test_without_a_data_directory_there_is_nothing_to_compare(tmp_path):
    """Neither a workspace nor a backend was ever chosen."""
    (tmp_path / "tfplan").write_bytes(b"plan")
    assert changed(take(tmp_path), take(tmp_path)) == []

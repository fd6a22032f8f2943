"""The output of a run as a whole, from both channels."""

from __future__ import annotations

import pytest

from tfretry.output.progress import Completion
from tfretry.output.reader import BATCH_SIZE, OutputReader

HEAD = b'{"@level":"info","@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}\n'
TOFU = (
    b'{"@level":"info","@message":"OpenTofu 1.12.6","@module":"tofu.ui","tofu":"1.12.6","type":"version","ui":"1.2"}\n'
)


def readings(*streams: bytes, size: int = 7) -> tuple[OutputReader, list[str]]:
    """Read *streams*, channels 1 and perhaps 2, in chunks of *size*; return the reader and the errors' summaries."""
    found: list[str] = []
    all_of_them = OutputReader(lambda diagnostic: found.append(diagnostic.summary))
    for channel, text in enumerate(streams, 1):
        feed = all_of_them.watch(channel)
        for at in range(0, len(text), size):
            feed(text[at : at + size])
    all_of_them.close()
    return all_of_them, found


def test_errors_are_found_on_either_channel():
    """Terraform prints them on stderr, or with -json and in remote runs on stdout."""
    assert readings(b"Error: one\n", b"Error: two\n")[1] == ["one", "two"]


def test_the_changes_of_both_channels_are_joined():
    """The changes that are complete, and whether an update is not."""
    both, _ = readings(b"a.b: Creation complete after 1s\n", b"c.d: Modifying...\n")
    assert both.finished == (Completion(action="create", address="a.b", deposed=None),)
    assert both.update_failed
    done, _ = readings(b"c.d: Modifying...\nc.d: Modifications complete after 1s\n")
    assert not done.update_failed


@pytest.mark.parametrize("size", [100, BATCH_SIZE - 1, BATCH_SIZE, 1_000_000])
def test_the_size_of_the_chunks_makes_no_difference(size):
    """Small chunks are gathered, large ones are not; nothing is lost or exchanged at the border."""
    changes = [f"a.b[{number}]: Creation complete after 1s" for number in range(2000)]
    text = "\n".join([*changes, "Error: one", "", "", "Error: two", "open"]).encode()
    reader, summaries = readings(text, size=size)
    assert [change.address for change in reader.finished] == [f"a.b[{number}]" for number in range(2000)]
    assert summaries == ["one", "two open"]
    assert reader.left_line_open


def test_the_longest_wait_is_that_of_the_addresses_asked_for():
    """On either channel; 0 where there is none."""
    both, _ = readings(b"a.b: Still creating... [10s elapsed]\n", b"c.d: Still creating... [2m0s elapsed]\n")
    assert both.longest_s({"a.b", "c.d", None}) == 120
    assert both.longest_s({"a.b"}) == 10
    assert both.longest_s({"x.y"}) == 0


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        (b"", False),
        (b"\n", False),
        (b"x", True),
        (b"x\n", False),
        (b"x\n\x1b[0m", False),
        (b"x\x1b[0m\r", True),
        (b"x" * 1000 + b"\n" + b"\x1b[0m" * 40, False),
        (b"\n" + b"x" * 300, True),
    ],
)
def test_a_line_that_is_left_open_is_seen(text, is_open):
    """Colour codes behind the newline do not count; our own lines go to the second channel where there are two."""
    assert readings(text)[0].left_line_open is is_open
    assert readings(b"x\n", text)[0].left_line_open is is_open
    assert readings(b"x", b"y\n")[0].left_line_open is False


@pytest.mark.parametrize(
    ("text", "version"), [(HEAD, "1.11.4"), (TOFU, "1.12.6"), (b"x\n", None), (b"", None), (b"x" * 2000 + HEAD, None)]
)
def test_the_version_is_read_from_the_first_bytes(text, version):
    """In the first message of -json; it is looked for nowhere else."""
    assert readings(text, size=4096)[0].version == version

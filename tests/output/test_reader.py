"""The output of a run as a whole, from both channels."""

from __future__ import annotations

import pytest

from tfretry.output.progress import ReportedChange
from tfretry.output.reader import BATCH_SIZE, OutputReader

HEAD = b'{"@level":"info","@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}\n'
TOFU = (
    b'{"@level":"info","@message":"OpenTofu 1.12.6","@module":"tofu.ui","tofu":"1.12.6","type":"version","ui":"1.2"}\n'
)


def read_output(*streams: bytes, size: int = 7) -> tuple[OutputReader, list[str]]:
    """Read *streams*, channels 1 and perhaps 2, in chunks of *size*; return the reader and the errors' summaries."""
    found: list[str] = []
    reader = OutputReader(lambda diagnostic: found.append(diagnostic.summary))
    for channel, text in enumerate(streams, 1):
        for at in range(0, len(text), size):
            reader.feed(channel, text[at : at + size])
    reader.close()
    return reader, found


def test_errors_are_found_on_both_channels():
    """Terraform prints them on stderr, or with -json and in remote runs on stdout."""
    assert read_output(b"Error: one\n", b"Error: two\n")[1] == ["one", "two"]


CREATED = b"a.b: Creating...\na.b: Creation complete after 1s\n"


def test_progress_is_read_from_stdout_alone():
    """Terraform writes none on stderr: there a log or an error quotes it."""
    both, _ = read_output(b"c.d: Modifying...\n", CREATED + b"c.d: Modifications complete after 1s\n")
    assert (both.progress.finished, both.progress.update_failed) == ([], True)
    done, _ = read_output(CREATED + b"c.d: Modifying...\nc.d: Modifications complete after 1s\n")
    created, updated = (ReportedChange(action=a, address=b) for a, b in [("create", "a.b"), ("update", "c.d")])
    assert (done.progress.finished, done.progress.update_failed) == ([created, updated], False)


@pytest.mark.parametrize("size", [100, BATCH_SIZE - 1, BATCH_SIZE, 1_000_000])
def test_the_size_of_the_chunks_makes_no_difference(size):
    """Small chunks are gathered, large ones are not; nothing is lost or exchanged at the border."""
    addresses = [f"a.b[{number}]" for number in range(1000)]
    changes = [
        f"{address}: {report}" for address in addresses for report in ("Creating...", "Creation complete after 1s")
    ]
    text = "\n".join([*changes, "Error: one", "", "", "Error: two", "open"]).encode()
    reader, summaries = read_output(text, size=size)
    assert [change.address for change in reader.progress.finished] == addresses
    assert summaries == ["one", "two open"]
    assert reader.left_line_open(1)


def test_the_longest_wait_is_that_of_the_addresses_asked_for():
    """0 where there is none."""
    both, _ = read_output(b"a.b: Still creating... [10s elapsed]\nc.d: Still creating... [2m0s elapsed]\n")
    assert both.progress.longest_s({"a.b", "c.d", None}) == 120
    assert both.progress.longest_s({"a.b"}) == 10
    assert both.progress.longest_s({"x.y"}) == 0


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
    """Each channel has its own last line; colour codes after it do not count."""
    assert read_output(text)[0].left_line_open(1) is is_open
    assert read_output(b"x\n", text)[0].left_line_open(2) is is_open
    assert read_output(b"x", b"y\n")[0].left_line_open(2) is False
    assert read_output(b"x")[0].left_line_open(2) is False


@pytest.mark.parametrize(
    ("text", "version"), [(HEAD, "1.11.4"), (TOFU, "1.12.6"), (b"x\n", None), (b"", None), (b"x" * 2000 + HEAD, None)]
)
def test_the_version_is_read_from_the_first_bytes(text, version):
    """In the first message of -json; other lines are not searched."""
    assert read_output(text, size=4096)[0].version == version

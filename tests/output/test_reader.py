"""What is read of a run as a whole, from all its channels."""

from __future__ import annotations

import pytest

from tfretry.output.progress import Completion
from tfretry.output.reader import OutputReader

HEAD = b'{"@level":"info","@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}\n'
TOFU = (
    b'{"@level":"info","@message":"OpenTofu 1.12.6","@module":"tofu.ui","tofu":"1.12.6","type":"version","ui":"1.2"}\n'
)


def readings(*streams: bytes, changes: bool = True, size: int = 7) -> tuple[OutputReader, list[str]]:
    """The readings of *streams*, channel 1 and perhaps 2, fed in small pieces and closed; and the errors' summaries."""
    found: list[str] = []
    all_of_them = OutputReader(lambda diagnostic: found.append(diagnostic.summary), changes=changes)
    for channel, text in enumerate(streams, 1):
        for at in range(0, len(text), size):
            all_of_them.feed(channel, text[at : at + size])
    all_of_them.close()
    return all_of_them, found


def test_errors_are_found_on_either_channel():
    """Terraform decides by its view where it writes them."""
    assert readings(b"Error: one\n", b"Error: two\n")[1] == ["one", "two"]


CREATED = b"a.b: Creating...\na.b: Creation complete after 1s\n"


def test_progress_is_read_from_stdout_alone():
    """Terraform writes none elsewhere: on stderr it is quoted by a log or by an error."""
    both, _ = readings(b"c.d: Modifying...\n", CREATED + b"c.d: Modifications complete after 1s\n")
    assert (both.progress.finished, both.progress.update_failed) == ([], True)
    done, _ = readings(CREATED + b"c.d: Modifying...\nc.d: Modifications complete after 1s\n")
    created, updated = (
        Completion(action=a, address=b, deposed=None) for a, b in [("create", "a.b"), ("update", "c.d")]
    )
    assert (done.progress.finished, done.progress.update_failed) == ([created, updated], False)


def test_changes_are_not_looked_for_where_nobody_asks():
    """But for updates, on which the refresh of a retry depends."""
    only, _ = readings(CREATED + b"c.d: Modifying...\n", changes=False)
    assert (only.progress.finished, only.progress.update_failed) == ([], True)


def test_the_longest_wait_is_that_of_the_addresses_asked_for():
    """Nothing is no wait."""
    both, _ = readings(b"a.b: Still creating... [10s elapsed]\nc.d: Still creating... [2m0s elapsed]\n")
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
    """Each channel has its own last line; colour codes after it do not count."""
    assert readings(text)[0].left_line_open(1) is is_open
    assert readings(b"x\n", text)[0].left_line_open(2) is is_open
    assert readings(b"x", b"y\n")[0].left_line_open(2) is False
    assert readings(b"x")[0].left_line_open(2) is False


@pytest.mark.parametrize(
    ("text", "version"), [(HEAD, "1.11.4"), (TOFU, "1.12.6"), (b"x\n", None), (b"", None), (b"x" * 2000 + HEAD, None)]
)
def test_the_version_is_told_by_the_first_bytes_alone(text, version):
    """In the first message of -json, whatever the size of a piece."""
    assert readings(text, size=4096)[0].version == version

"""What is read of a run as a whole, from all its channels."""

from __future__ import annotations

import pytest

from tfretry.output.progress import Completion
from tfretry.output.reader import OutputReader

HEAD = b'{"@level":"info","@message":"Terraform 1.11.4","terraform":"1.11.4","type":"version","ui":"1.2"}\n'
TOFU = (
    b'{"@level":"info","@message":"OpenTofu 1.12.6","@module":"tofu.ui","tofu":"1.12.6","type":"version","ui":"1.2"}\n'
)


def readings(*streams: bytes, size: int = 7) -> tuple[OutputReader, list[str]]:
    """The readings of *streams*, channel 1 and perhaps 2, fed in small pieces and closed; and the errors' summaries."""
    found: list[str] = []
    all_of_them = OutputReader(lambda diagnostic: found.append(diagnostic.summary))
    for channel, text in enumerate(streams, 1):
        feed = all_of_them.watch(channel)
        for at in range(0, len(text), size):
            feed(text[at : at + size])
    all_of_them.close()
    return all_of_them, found


def test_errors_are_found_on_either_channel():
    """Terraform decides by its view where it writes them."""
    assert readings(b"Error: one\n", b"Error: two\n")[1] == ["one", "two"]


def test_changes_of_all_channels_are_the_runs():
    """Those that are finished, and whether an update is not."""
    both, _ = readings(b"a.b: Creation complete after 1s\n", b"c.d: Modifying...\n")
    assert both.finished == (Completion(action="create", address="a.b", deposed=None),)
    assert both.update_failed
    done, _ = readings(b"c.d: Modifying...\nc.d: Modifications complete after 1s\n")
    assert not done.update_failed


def test_the_longest_wait_is_that_of_the_addresses_asked_for():
    """On whichever channel; nothing is no wait."""
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
    """Whatever colour codes stand behind it; where there are two channels, the second is the one we share."""
    assert readings(text)[0].left_line_open is is_open
    assert readings(b"x\n", text)[0].left_line_open is is_open
    assert readings(b"x", b"y\n")[0].left_line_open is False


@pytest.mark.parametrize(
    ("text", "version"), [(HEAD, "1.11.4"), (TOFU, "1.12.6"), (b"x\n", None), (b"", None), (b"x" * 2000 + HEAD, None)]
)
def test_the_version_is_told_by_the_first_bytes_alone(text, version):
    """In the first message of -json, whatever the size of a piece."""
    assert readings(text, size=4096)[0].version == version

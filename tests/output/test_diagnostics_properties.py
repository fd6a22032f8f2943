from __future__ import annotations

import pytest
import render
from aws_errors import ACCESS_DENIED, AWS, SENTENCE
from diagnostics import cut_at, diagnosis_of, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from render import KEYED_ADDRESS, NOISE, WARNING, Content

from tfretry.output.progress import ProgressReader

MANY = settings(max_examples=8_000, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

text_of_words = st.lists(
    st.sampled_from([*AWS.split(), *ACCESS_DENIED.split(), "a", "│", "foo:", "*", "{", "│x", "naïve", "Ω" * 30, "12:"]),
    min_size=1,
    max_size=30,
).map(" ".join)
lines_of_text = st.lists(text_of_words, min_size=1, max_size=4).map("\n".join)
addresses = st.sampled_from(["aws_ecs_service.ecs", KEYED_ADDRESS, 'module.a.data.aws_x.y["a b: c"]', None])
anything = st.builds(
    Content, summary=lines_of_text, detail=st.just("") | lines_of_text, address=addresses, located=st.booleans()
)
transient = st.builds(
    Content,
    summary=st.sampled_from([AWS, f"{AWS}\n\tstatus code: 400, request id: fd91", f"waiting: {{\n  Id: 1\n}}\n{AWS}"]),
    address=addresses,
) | st.builds(
    Content,
    summary=st.just("AWS SDK Go Service Operation Incomplete"),
    detail=st.sampled_from([AWS, f"Waiting for it.\n\n{AWS}\n", f"{AWS} (Service: AmazonECS; Proxy: null)."]),
    address=addresses,
    value=st.none() | st.just(SENTENCE),
)
permanent = st.builds(
    Content,
    summary=st.sampled_from([ACCESS_DENIED, "Invalid index", "execution halted", f"{AWS}: {ACCESS_DENIED}"]),
    detail=st.sampled_from(["", "Some words.\n\nMore words of it.", ACCESS_DENIED]),
    code=st.sampled_from(["x = 1", f'description = "{SENTENCE}"', f"a\nError: {AWS}\nb"]),
    value=st.none() | st.just(f"Error: {AWS}"),
) | st.builds(
    Content,
    summary=st.sampled_from(
        ["Resource precondition failed", "Resource postcondition failed", "Invalid value for variable"]
    ),
    detail=st.sampled_from([AWS, f"1 error occurred:\n\t* {AWS}", f"See:\n{AWS}"]),
)
old_blocks = st.tuples(
    st.builds(Content, summary=st.just(AWS), address=st.sampled_from(["aws_x.y", "module.a.aws_x.y.0"])), st.booleans()
)
widths = st.sampled_from([4, 10, 20, 40, 78, 80, 200])
cuts = st.lists(st.integers(0, 10**6), max_size=12)
FOR_PEOPLE_WITHOUT_BOX = (render.FORMATS["plain"], *render.OLD_FORMATS.values())
formats = st.sampled_from([*render.FORMATS.values(), *render.OLD_FORMATS.values()])


def words(text: str) -> list[str]:
    return text.split()


def check_read_back(content: Content, format_: str, width: int, places: list[int], end: str) -> None:
    text = render.FORMATS[format_](content, width).replace("\n", end).encode()
    found = read(*cut_at(text, places))
    assert [words(f"{one.summary} {one.detail}") for one in found] == [words(f"{content.summary} {content.detail}")]
    assert found[0].address == content.address or content.address is None
    assert not found[0].truncated


@SOME
@given(anything, st.sampled_from([*render.FORMATS]), widths, cuts, st.sampled_from(["\n", "\r\n"]))
def test_every_text_is_read_back(content, format_, width, places, end):
    """Any text, wrapped at any width and cut anywhere, is read back word for word."""
    check_read_back(content, format_, width, places, end)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@MANY
@given(anything, st.sampled_from([*render.FORMATS]), widths, cuts, st.sampled_from(["\n", "\r\n"]))
def test_every_text_is_read_back_eight_thousand_times(content, format_, width, places, end):
    """The same with more examples."""
    check_read_back(content, format_, width, places, end)


def check_decision(data: st.DataObject) -> None:
    transients = data.draw(st.lists(transient, max_size=3))
    permanents = data.draw(st.lists(permanent, max_size=2))
    write, width = data.draw(formats), data.draw(widths)
    parts = [write(content, width) for content in transients + permanents]
    if write in FOR_PEOPLE_WITHOUT_BOX:  # the terraform that prints bullets has no boxes and no messages
        parts += [render.bullets([old], newer=newer) for old, newer in data.draw(st.lists(old_blocks, max_size=1))]
    count = len(parts)
    parts += data.draw(st.lists(st.sampled_from(NOISE), max_size=4)) + [write(WARNING, width)] * data.draw(
        st.integers(0, 1)
    )
    text = "".join(data.draw(st.permutations(parts)))
    if data.draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    diagnosis = diagnosis_of(read(*cut_at(text.encode(), data.draw(cuts))))
    assert diagnosis.errors == count
    assert diagnosis.is_transient is (count > 0 and not permanents)


@SOME
@given(st.data())
def test_the_decision_depends_on_the_errors_alone(data):
    """Any errors in any format and order, among noise of every kind, at any width and cut: the same decision."""
    check_decision(data)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@MANY
@given(st.data())
def test_the_decision_depends_on_the_errors_alone_eight_thousand_times(data):
    """The same with more examples."""
    check_decision(data)


FRAGMENTS = (
    *(b"Error: ", b"Warning: ", b"\n", b"\n\n", b"\r\n", "╷\n".encode(), "│ ".encode(), "╵\n".encode(), b"* "),
    *(b"\x1b[31m", b"\x1b[", b"\x1b]", b"\xe2", b"\xff", b"\x00", b"1" * 5000, b"1 error occurred:", SENTENCE.encode()),
    *(b"  with a.b,\n", b"  on f.tf line 1:\n", b"  1: x\n", b"a.b: Still creating... [10s elapsed]\n"),
    *(b"2026-11-24T01:42:03.123Z [DEBUG] x:\n", b"Error running command '", b"': exit status 1. Output: "),
    *(b'{"@level":"error"', b'"diagnostic"', b'{"@level":"error","diagnostic":' + b"[" * 3000),
    b'{"@level":"","diagnostic":{"severity":"error","summary":"\\ud800","detail":[1]},"type":"diagnostic"}\n',
    b'{"type":"apply_errored","hook":{"resource":{"addr":"a"},"elapsed_seconds":Infinity}}\n',
    b'{"type":"apply_progress","hook":{"resource":{"addr":"a"},"elapsed_seconds":NaN}}\n',
)
pieces = st.sampled_from(FRAGMENTS) | st.binary(max_size=40)


def check_any_bytes(parts: list[bytes], places: list[int]) -> None:
    text = b"".join(parts)
    found = read(*cut_at(text, places))
    assert found == read(text)
    for one in found:
        assert f"{one.summary}{one.detail}{one.address}".encode()
    progress = ProgressReader()
    for chunk in cut_at(text, places):
        progress.feed(chunk)
    progress.close()
    assert diagnosis_of(found).errors == sum(each.counted for each in found)


@SOME
@given(st.lists(pieces, max_size=40), cuts)
def test_no_bytes_raise(parts, places):
    """For any bytes reading ends, raises nothing, and does not depend on the cuts."""
    check_any_bytes(parts, places)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@MANY
@given(st.lists(pieces, max_size=40), cuts)
def test_no_bytes_raise_eight_thousand_times(parts, places):
    """The same with more examples."""
    check_any_bytes(parts, places)

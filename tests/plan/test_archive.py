from __future__ import annotations

import io
import warnings
import zipfile

import pytest
from corpus import PLANS
from hypothesis import given, settings
from hypothesis import strategies as st

from tfretry.errors import PlanError
from tfretry.plan.archive import PLAN, PREVIOUS_STATE, STATE, read_archive, write_archive

CAPTURED = (PLANS / "approved.tfplan").read_bytes()
MEMBERS = {
    PLAN: b"the plan " * 50,
    STATE: b"the state",
    PREVIOUS_STATE: b"",
    "tfconfig/m-/main.tf": b'variable "a" {}\r\n',
    "tfconfig/m-tést.ü/main.tf": b"\x00\xff",
    "tfconfig/modules.json": b"[]",
    "tfschemas": b"of OpenTofu 1.13",
    ".terraform.lock.hcl": b"",
}
REASONS = [
    "the plan file is damaged",
    "the plan file is encrypted",
    "the plan file is only a bookmark: HCP Terraform keeps the plan",
]


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Write an archive of *members*, of which two may have one name."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def unpacked(content: bytes) -> list[tuple[str, bytes, tuple[int, ...], int]]:
    """Read an archive without the code under test: of each member its name, content, time and method."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, archive.read(info), info.date_time, info.compress_type) for info in archive.infolist()]


def rewritten(content: bytes, *, plan: bytes, state: bytes) -> bytes:
    """Return an archive with another plan and another state."""
    file = io.BytesIO()
    write_archive(read_archive(content), plan=plan, state=state, to=file)
    return file.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("order", [1, -1])
def test_members_are_read_as_they_are(method, order):
    """In any order."""
    archive = read_archive(packed(*[*MEMBERS.items()][::order], method=method))
    assert [(info.filename, content) for info, content in archive.members] == [*MEMBERS.items()][::order]
    assert {name: archive[name] for name in MEMBERS} == MEMBERS


@pytest.mark.parametrize(
    "content",
    [CAPTURED, packed(*MEMBERS.items()), packed(*[*MEMBERS.items()][::-1], method=zipfile.ZIP_STORED)],
    ids=["captured", "deflated", "stored"],
)
def test_all_members_but_plan_and_state_stay_as_they_are(content):
    """Byte for byte, in their order, with their times and methods; unknown members too."""
    new = {PLAN: b"rest", STATE: b"pulled"}
    expected = [(name, new.get(name, was), when, method) for name, was, when, method in unpacked(content)]
    assert unpacked(rewritten(content, plan=b"rest", state=b"pulled")) == expected


@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/\\"), min_size=1), unique=1),
    contents=st.lists(st.binary(max_size=50), min_size=3),
    new=st.tuples(st.binary(max_size=50), st.binary(max_size=50)),
    order=st.randoms(use_true_random=False),
)
def test_rewriting_changes_two_members_and_nothing_else(names, contents, new, order):
    """In an archive with any names and contents."""
    names = [PLAN, STATE, PREVIOUS_STATE, *(f"tfconfig/{name}" for name in names)]
    order.shuffle(names)
    content = packed(*((name, contents[n % len(contents)]) for n, name in enumerate(names)))
    plan, state = new
    expected = {**{name: was for name, was, _, _ in unpacked(content)}, PLAN: plan, STATE: state}
    carried = [(name, now) for name, now, _, _ in unpacked(rewritten(content, plan=plan, state=state))]
    assert carried == [(name, expected[name]) for name in names]


@pytest.mark.parametrize("name", [*MEMBERS])
def test_two_members_of_one_name_are_refused(name):
    """We might read the one and terraform the other."""
    with pytest.raises(PlanError, match=r"^the plan file is damaged$"):
        read_archive(packed(*MEMBERS.items(), (name, MEMBERS[name])))


@pytest.mark.parametrize("name", [PLAN, STATE, PREVIOUS_STATE])
def test_a_member_that_every_plan_has_must_be_there(name):
    """Some other zip file, or a damaged one."""
    with pytest.raises(PlanError, match=r"^the plan file is damaged$"):
        read_archive(packed(*(each for each in MEMBERS.items() if each[0] != name)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the plan file is damaged"),
        (b"PK", "the plan file is damaged"),
        (b"PK\x05\x06" + bytes(18), "the plan file is damaged"),
        (b"garbage" * 1000, "the plan file is damaged"),
        (
            b'{"meta":{},"encrypted_data":"aGk=","encryption_version":"v0"}',
            "the plan file is encrypted",
        ),
        (
            b'{"remote_plan_format":1,"run_id":"run-1","hostname":"app.terraform.io"}',
            "the plan file is only a bookmark: HCP Terraform keeps the plan",
        ),
        (
            b'{\n  "hostname": "a",\n  "run_id": "run-1",\n  "remote_plan_format": 1\n}',
            "the plan file is only a bookmark: HCP Terraform keeps the plan",
        ),
    ],
)
def test_the_error_names_the_kind_of_a_file_that_is_no_archive(content, reason):
    """An encrypted plan of OpenTofu, the bookmark of a remote plan, and anything else."""
    with pytest.raises(PlanError) as caught:
        read_archive(content)
    assert (str(caught.value), caught.value.details) == (reason, ())


@pytest.mark.parametrize("content", [CAPTURED, packed(*MEMBERS.items())], ids=["captured", "ours"])
def test_an_archive_that_is_cut_is_damaged_at_every_cut(content):
    """As on a full disk."""
    for end in range(len(content)):
        with pytest.raises(PlanError, match=r"^the plan file is damaged$"):
            read_archive(content[:end])


def members_or_reason(content: bytes) -> list[tuple[str, bytes]] | str:
    """Read and rewrite an archive that may be damaged; return its members or the reason of the error."""
    try:
        members = [(info.filename, member) for info, member in read_archive(content).members]
        rewritten(content, plan=b"", state=b"")
    except PlanError as error:
        return str(error)
    return members


@pytest.mark.parametrize("bit", range(8))
def test_a_bit_that_flips_is_damage_or_makes_no_difference(bit):
    """Anywhere in the file: no content is read that the file did not have, and nothing but PlanError is raised."""
    original = dict(members_or_reason(CAPTURED))
    for at in range(len(CAPTURED)):
        content = bytearray(CAPTURED)
        content[at] ^= 1 << bit
        found = members_or_reason(bytes(content))
        assert found in REASONS or set(found) <= original.items(), (at, bit)


@settings(deadline=None)
@given(
    damages=st.lists(
        st.tuples(st.integers(0, len(CAPTURED) - 1), st.integers(0, 12), st.binary(max_size=12)), min_size=1, max_size=5
    )
)
def test_any_damage_is_reported_or_harmless(damages):
    """Any number of bytes is replaced, lost or inserted."""
    content = CAPTURED
    for at, lost, new in damages:
        content = content[:at] + new + content[at + lost :]
    found = members_or_reason(content)
    assert found in REASONS or {PLAN, STATE, PREVIOUS_STATE} <= dict(found).keys()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 93, 99])
def test_a_compression_method_that_terraform_does_not_use_is_damage(method):
    """It is one number in the list of members; Python knows more methods than terraform."""
    content = bytearray(CAPTURED)
    at = content.index(b"PK\x01\x02") + 10
    content[at : at + 2] = method.to_bytes(2, "little")
    assert members_or_reason(bytes(content)) == "the plan file is damaged"

from __future__ import annotations

import os
import subprocess
import warnings
import zipfile

import pytest

from tfretry.savedplan.file import file_refusals, read_plan_file

CONFIGURATION = """
variable "e" {
  ephemeral = true
  default   = "x"
}
locals { script = "true" }
resource "terraform_data" "a" { count = 2 }
resource "terraform_data" "b" {
  provisioner "local-exec" { command = local.script }
}
"""
FIELDS = {"version": b"\x08\x03", "destroy": b"\x88\x01\x01", "mode 9": b"\x88\x01\x09", "e": b"\xe2\x01\x01e"}
FIELDS |= {"fixed": b"\xc9\x02" + b"12345678" + b"\xcd\x02" + b"1234", "target": b"\x2a\x03a.b", "short": b"\x2a\x03a"}
FIELDS |= {
    "group": b"\x0b",
    "endless": b"\xff" * 11,
    "version 4": b"\x08\x04",
    "cut": b"\x08",
    "short fixed": b"\x09",
    "no text": b"\x2a\x01\xff",
}


@pytest.fixture
def planned(tmp_path, real_terraform):
    """Plan with the real terraform and options; the plan file as it is read."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "main.tf").write_text(CONFIGURATION)
    subprocess.run([real_terraform, "init"], cwd=folder, check=True, capture_output=True)

    def plan(*options):
        subprocess.run([real_terraform, "plan", "-out=p", *options], cwd=folder, check=True, capture_output=True)
        return read_plan_file(os.fspath(folder / "p"))

    return plan


@pytest.fixture
def packed(tmp_path):
    """Write a plan file of our own: the fields of its message, by name or as bytes, and other members."""

    def pack(*fields, **members):
        path = tmp_path / "packed"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("tfplan", b"".join(FIELDS.get(field, field) for field in fields))
            for name, content in members.items():
                archive.writestr(name.replace("__", "/"), content)
        return os.fspath(path)

    return pack


def told(refusals):
    return {(each.address, each.approved, each.now) for each in refusals}


def test_the_same_question_twice_is_the_same(planned):
    """Two plan files of one configuration differ in bytes, but not here."""
    assert file_refusals(planned(), planned()) == []


def test_a_changed_local_is_refused_though_the_json_holds_none(planned, tmp_path):
    """The configuration in the JSON has no locals: a script could be exchanged unseen."""
    approved = planned()
    (tmp_path / "work" / "main.tf").write_text(CONFIGURATION.replace('"true"', '"reboot"'))
    assert told(file_refusals(approved, planned())) == {("tfconfig/m-/main.tf", "as reviewed", "different")}


def test_an_added_file_is_refused(planned, tmp_path):
    """The members are compared both ways."""
    approved = planned()
    (tmp_path / "work" / "more.tf").write_text('output "o" { value = 1 }\n')
    assert told(file_refusals(approved, planned())) == {("tfconfig/m-/more.tf", "as reviewed", "different")}
    assert told(file_refusals(planned(), approved)) == {("tfconfig/m-/more.tf", "as reviewed", "different")}


def test_another_lock_file_is_refused(packed):
    """It says which providers act."""
    approved = read_plan_file(packed("version", **{".terraform.lock.hcl": "1"}))
    new = read_plan_file(packed("version", **{".terraform.lock.hcl": "2"}))
    assert told(file_refusals(approved, new)) == {(".terraform.lock.hcl", "as reviewed", "different")}


def test_another_workspace_is_refused(planned, tmp_path, real_terraform):
    """The plan file tells for which workspace and backend it was made."""
    approved = planned()
    folder = tmp_path / "work"
    subprocess.run([real_terraform, "workspace", "new", "w"], cwd=folder, check=True, capture_output=True)
    assert told(file_refusals(approved, planned())) == {("workspace and backend", "as reviewed", "different")}


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-destroy"],
        ["-refresh-only"],
        ["-target=terraform_data.a[0]", "-target=terraform_data.b"],
    ],
)
def test_a_plan_with_the_same_options_asks_the_same(planned, options):
    """Mode and targets, which `show -json` leaves out."""
    assert file_refusals(planned(*options), planned(*options)) == []


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("-destroy", "-refresh=false", ("mode", "destroy", "normal")),
        ("-target=terraform_data.b", "-refresh=false", ("terraform_data.b", "a target", "no target")),
        ("-refresh=false", "-target=terraform_data.b", ("terraform_data.b", "no target", "a target")),
    ],
)
def test_another_mode_or_target_is_refused(planned, one, other, words):
    """Told in words, address by address."""
    assert told(file_refusals(planned(one), planned(other))) == {words}


def test_an_ephemeral_variable_that_was_set_is_refused(planned):
    """The JSON would tell its default for its value."""
    with pytest.raises(ValueError, match="ephemeral variables"):
        planned("-var=e=other")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (["version", "e"], "ephemeral"),
        (["version 4"], "version"),
        ([], "version"),
        (["version", "mode 9"], "mode"),
        (["version", "short"], "cannot be read"),
        (["version", "group"], "cannot be read"),
        (["endless"], "cannot be read"),
        (["cut"], "cannot be read"),
        (["short fixed"], "cannot be read"),
        (["version", "no text"], "the plan file cannot be read"),
    ],
)
def test_a_message_that_is_not_understood_is_refused(packed, fields, why):
    """What is not understood counts as no."""
    with pytest.raises(ValueError, match=why):
        read_plan_file(packed(*fields))


def test_a_field_of_tomorrow_is_compared(packed):
    """Whatever terraform adds to the question, it must be equal."""
    approved = read_plan_file(packed("version"))
    new = read_plan_file(packed("version", "fixed"))
    assert told(file_refusals(approved, new)) == {("field 41 of the plan file", "as reviewed", "different")}
    assert file_refusals(new, new) == []


COMPARED = {13: "workspace and backend", 14: "terraform_version", 29: "state store", 32: "actions asked for"}
JUDGED_ELSEWHERE = {2, 3, 4, 15, 16, 18, 19, 20, 21, 22, 25, 26, 27, 30, 31}
OF_ITS_OWN_RULE = {1, 5, 17, 28}


@pytest.mark.parametrize("number", sorted(set(range(1, 40)) - OF_ITS_OWN_RULE))
def test_each_field_is_judged_in_the_json_or_compared_here(packed, number):
    """By the numbers of terraform's internal/plans/planproto/planfile.proto; one that it may add is compared."""
    field = bytes([number << 3 & 0x7F | 0x80, number >> 4, 1])
    approved, new = read_plan_file(packed("version")), read_plan_file(packed("version", field))
    name = COMPARED.get(number, f"field {number} of the plan file")
    expected = set() if number in JUDGED_ELSEWHERE else {(name, "as reviewed", "different")}
    assert told(file_refusals(approved, new)) == told(file_refusals(new, approved)) == expected


def test_what_differs_is_told_in_the_order_of_its_names(packed):
    """The same refusal reads the same each time: members and fields, then targets."""
    names = [f"tfconfig/m{n}" for n in range(6)]
    approved = read_plan_file(packed("version"))
    new = read_plan_file(packed("version", "target", "fixed", **dict.fromkeys(names, "x")))
    found = file_refusals(approved, new)
    assert [each.address for each in found] == ["field 41 of the plan file", *names, "a.b"]
    assert [each.why for each in found] == ["has changed since the approval"] * 7 + [
        "is not asked for as in the approved plan"
    ]


def test_members_that_tell_the_state_are_not_compared(packed):
    """What a change starts from is judged with the change."""
    approved = read_plan_file(packed("version", tfstate="1", tfconfig__main="x"))
    new = read_plan_file(packed("version", tfstate="2", tfconfig__main="x"))
    assert file_refusals(approved, new) == []


def test_two_members_of_one_name_are_refused(packed):
    """We might read the one and terraform the other."""
    path = packed("version")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("tfplan", FIELDS["version"])
    with pytest.raises(ValueError, match="cannot be read"):
        read_plan_file(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot be read"),
        (b"PK", "cannot be read"),
        (b'{"remote_plan_format":1,"run_id":"run-1","hostname":"app.terraform.io"}', "bookmark of a remote one"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, content, why):
    """A remote plan's file holds no plan at all."""
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(ValueError, match=why):
        read_plan_file(os.fspath(tmp_path / "p"))


def test_an_archive_without_a_plan_is_refused(tmp_path):
    """Some other zip file."""
    with zipfile.ZipFile(tmp_path / "p", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(ValueError, match="cannot be read"):
        read_plan_file(os.fspath(tmp_path / "p"))


def test_an_archive_that_is_damaged_is_refused(tmp_path):
    """Its list of members may be whole while what they hold is not."""
    path = tmp_path / "p"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tfplan", FIELDS["version"] * 100)
    content = bytearray(path.read_bytes())
    content[30 + len("tfplan")] = 0xFF  # a kind of block that there is none of
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        read_plan_file(os.fspath(path))


def test_a_plan_that_is_not_there_is_an_os_error(tmp_path):
    """For the caller to put into words."""
    with pytest.raises(FileNotFoundError):
        read_plan_file(os.fspath(tmp_path / "p"))

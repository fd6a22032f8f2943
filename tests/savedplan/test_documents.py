from __future__ import annotations

import json
import subprocess

import pytest

from tfretry.savedplan.documents import Number, parse, variables_file

LONG = "3.14159265358979323846264338327950288419716939937510582097494459"


def test_numbers_keep_every_digit():
    """A float would cut them, and cut numbers compare equal."""
    assert parse(f"[{LONG}, 1e400, -0, 1.0]".encode()) == [Number(LONG), Number("1e400"), Number("-0"), Number("1.0")]


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "true"), ("1", '"1"'), ("1", "1.0"), ("0", "false"), ("0", "null"), ("0", "-0"), ("[]", "{}")],
)
def test_values_of_different_types_are_never_equal(one, other):
    """Not alone, not inside a list or an object, on neither side."""
    for shape in ("{}", "[{}]", '{{"k": {}}}'):
        left, right = parse(shape.format(one).encode()), parse(shape.format(other).encode())
        assert left != right
        assert right != left
        assert left == parse(shape.format(one).encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b'{"s3cret": 1, "s3cret": 2}', "an object in it has two members of one name"),
        (b'[{"a": {"s3cret": 1, "s3cret": 1}}]', "an object in it has two members of one name"),
        (b"NaN", "it holds a number that JSON does not know"),
        (b"[-Infinity]", "it holds a number that JSON does not know"),
        (b'"s3cret\xff"', "it is not JSON"),
        (b'{"s3cret": 1} x', "it is not JSON"),
        (b"\xff\xfe[\x00]\x00", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[" * 101 + b"]" * 101, "it is nested too deeply"),
        (b'{"k":' * 100 + b"[]" + b"}" * 100, "it is nested too deeply"),
    ],
)
def test_what_terraform_does_not_write_is_refused_without_quoting_it(text, why):
    """Broken, ambiguous or endless JSON is a sentence, with nothing of the text in it or behind it."""
    with pytest.raises(ValueError, match="not understood") as caught:
        parse(text)
    assert str(caught.value) == f"terraform's answer is not understood: {why}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", [b"[" * 99 + b"1" + b"]" * 99, b'{"k":' * 99 + b"1" + b"}" * 99])
def test_what_is_nested_as_deeply_as_may_be_is_read(text):
    """Far deeper than any configuration."""
    assert str(parse(text)).count("1") == 1


def test_a_number_counts_as_one_in_a_set():
    """Equal numbers have equal hashes."""
    assert {Number("1"), Number("1"), "1"} == {Number("1"), "1"}


def test_the_variable_file_holds_all_variables_to_the_last_digit():
    """Complex values, nulls, and numbers that no float holds."""
    approved = parse(
        f'{{"variables": {{"a": {{"value": [{LONG}, null, {{"k": true}}]}}, "b": {{"value": "é"}}}}}}'.encode()
    )
    assert variables_file(approved) == f'{{"a":[{LONG},null,{{"k":true}}],"b":"\\u00e9"}}\n'.encode()


def test_a_plan_without_variables_gives_an_empty_file():
    """The member is left out then."""
    assert variables_file(parse(b"{}")) == b"{}\n"


@pytest.mark.parametrize(
    "text", [b'{"variables": []}', b'{"variables": {"a": ["value"]}}', b'{"variables": {"a": {}}}']
)
def test_variables_that_are_not_understood_are_refused(text):
    """A variable left out would take its default."""
    with pytest.raises(ValueError, match="variables"):
        variables_file(parse(text))


CONFIGURATION = """
variable "any" { type = any }
variable "any2" { type = any }
variable "number" {
  type    = number
  default = 1
}
variable "untyped" {}
variable "secret" { sensitive = true }
variable "null" { default = "x" }
variable "object" { type = map(object({ a = optional(number, 3), b = string })) }
variable "unset" { default = "default" }
output "all" {
  sensitive = true
  value     = [var.any, var.any2, var.number, var.untyped, var.secret, var.null, var.object, var.unset]
}
"""
VALUES = [
    'any=["$${b}%%{if}", 1.0, 1e400, -0, 1234567890123456789012345.6789012345, { "//" : 1, "$${k}" : null }]',
    'any2=["é<>&\\u2028 \\"\\\\", []]',
    f"number={LONG}",
    'untyped=["${x}", 1]',
    "secret=s3cret",
    'object={ "x y" = { b = "q" } }',
]


def test_terraform_reads_from_the_file_what_the_plan_held(tmp_path, real_terraform):
    """Templates, comment keys, long numbers, nulls and defaults come back as they were."""
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    (tmp_path / "null.tfvars").write_text("null = null\n")

    def show(name, *options):
        subprocess.run(
            [real_terraform, "plan", f"-out={name}", *options], cwd=tmp_path, check=True, capture_output=True
        )
        return parse(subprocess.check_output([real_terraform, "show", "-json", name], cwd=tmp_path))

    approved = show("approved", "-var-file=null.tfvars", *(f"-var={each}" for each in VALUES))
    (tmp_path / "again.tfvars.json").write_bytes(variables_file(approved))
    again = show("again", "-var-file=again.tfvars.json")
    assert again["variables"] == approved["variables"]
    assert again["output_changes"] == approved["output_changes"]
    assert json.dumps(approved["variables"]["number"]["value"]) == f'"{LONG}"'
    assert approved["variables"]["null"]["value"] is None

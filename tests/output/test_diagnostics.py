from __future__ import annotations

import json
import random

import pytest
import render
from aws_errors import ACCESS_DENIED, AWS
from corpus import CORPUS
from diagnostics import cut_at, diagnosis_of, in_pieces, is_retried, read
from render import FORMATS, KEYED_ADDRESS, OLD_FORMATS, Content

from tfretry.output.diagnostic import Diagnostic

CAPTURES = json.loads((CORPUS / "index.json").read_text())


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture["file"])
def test_every_capture_is_decided_as_labelled_however_it_is_cut(capture):
    """Captures of real terraform, in chunks of 1 to 64 bytes and cut at random places."""
    text = (CORPUS / capture["file"]).read_bytes()
    uncut = read(text)
    assert (diagnosis_of(uncut).is_transient and capture["exit_code"] == 1) is capture["retry"]
    for size in range(1, 65):
        assert read(*in_pieces(text, size)) == uncut
    places = random.Random(capture["file"])
    for _ in range(20):
        assert read(*cut_at(text, [places.randrange(len(text)) for _ in range(9)])) == uncut


@pytest.mark.parametrize(
    ("file", "address"),
    [
        ("tf1.11.4-two-slr.stderr.raw", "aws_ecs_service.ecs"),
        ("tf0.12.29-aws2.70-single.stderr.raw", "aws_ecs_service.ecs"),
        ("tf011-single.stderr.raw", "aws_ecs_service.ecs"),
        ("awscc-service-json.stdout.raw", "awscc_ecs_service.svc"),
        ("tf1.11.4-localexec-pty10.raw", "terraform_data.ecs_service"),
        ("v5-cloud-stdout-nocolor.raw", "aws_ecs_service.this"),
    ],
)
def test_the_address_is_read_from_every_format(file, address):
    """The full address where terraform prints one; else the address in the source line."""
    assert read((CORPUS / file).read_bytes())[0].address == address


@pytest.mark.parametrize("format_", FORMATS)
def test_an_address_in_a_module_with_keys_is_read_in_full(format_):
    """The address is the one that terraform prints, in every format."""
    (found,) = read(FORMATS[format_](Content(summary=AWS, address=KEYED_ADDRESS), 40).encode())
    assert found == Diagnostic(summary=AWS, detail="", address=KEYED_ADDRESS)


@pytest.mark.parametrize("newer", [False, True], ids=["0.11.11", "0.11.14"])
def test_an_old_leaf_has_the_module_of_its_outer_bullet(newer):
    """0.11 names the module in the outer bullet only."""
    text = render.bullets([Content(summary=AWS, address="module.app.aws_ecs_service.this.0")], newer=newer)
    (found,) = read(text.encode())
    assert (found.address, found.summary) == ("module.app.aws_ecs_service.this.0", AWS)


def test_a_leaf_without_an_address_has_that_of_the_group():
    """`* aws_x.y: 2 errors occurred:` gives the address of the errors that follow."""
    text = "\nError: Error applying plan:\n\n1 error occurred:\n\t* aws_x.y: 2 errors occurred:\n\t* a b\n\t* c d\n\n"
    assert [(found.address, found.summary) for found in read(text.encode())] == [("aws_x.y", "a b"), ("aws_x.y", "c d")]


@pytest.mark.parametrize("format_", [*FORMATS, *OLD_FORMATS])
@pytest.mark.parametrize("where", ["summary", "detail"])
def test_a_group_is_retried_only_if_every_leaf_is_transient(format_, where):
    """A permanent error in a provider's own list of errors prevents the retry."""
    write = {**FORMATS, **OLD_FORMATS}[format_]

    def content(*messages: str) -> str:
        items = f"{len(messages)} errors occurred:\n" + "".join(f"\t* {message}\n" for message in messages)
        return write(Content(summary=items) if where == "summary" else Content(summary="Failed", detail=items), 30)

    assert is_retried(content(AWS, AWS))
    assert not is_retried(content(AWS, ACCESS_DENIED))
    assert not is_retried(content("no such thing", AWS))

"""Which errors the whole program retries, and what it reports: users' patterns, errors that OpenTofu hides."""

from __future__ import annotations

from pathlib import Path

import pytest
from render import Said, box, message, plain
from terraform_output import run

CORPUS = Path(__file__).parents[1] / "corpus"
FAST = ("--first-wait=0.1s", "--longest-wait=0.1s", "--max-attempts=2")
SCRIPT = Said(
    summary="local-exec provisioner error",
    detail="Error running command 'deploy --timeout 5': exit status 75. Output: load balancer.  Please verify\n",
)
PRECONDITION = Said(summary="Resource precondition failed", detail="The zone is not there yet.")
PASS_ROLE = Said(
    summary="creating Lambda: AccessDeniedException: User: ci is not authorized to perform: iam:PassRole on resource: r"
)
STALE = Said(summary="Saved plan is stale", detail="The given plan file can no longer be applied.")


@pytest.fixture
def runs(fake_terraform, tmp_path):
    """Function that runs tfretry on a terraform that fails with a text; it returns how often, and our lines."""

    def count(text: str | bytes, *options: str, stream: int = 2) -> tuple[int, str]:
        (tmp_path / "text").write_bytes(text if isinstance(text, bytes) else text.encode())
        tries = tmp_path / "tries"
        tries.unlink(missing_ok=True)
        fake_terraform(f"echo >>{tries}; cat {tmp_path}/text >&{stream}; exit 1")
        done = run(*FAST, *options, "apply", "-auto-approve")
        assert done.returncode == 1
        ours = [line for line in done.stderr.decode().splitlines() if line.startswith("tfretry: ")]
        return len(tries.read_bytes()), "\n".join(ours)

    return count


@pytest.mark.parametrize("shape", [box, plain, message])
@pytest.mark.parametrize(
    ("said", "pattern", "retried"),
    [
        (Said(summary="creating Route in Route Table (rtb-1): x"), "^Error: creating Route", True),
        (Said(summary="creating Route in Route Table (rtb-1): x"), ".*Error: .*Route Table", True),
        (SCRIPT, "load balancer.  Please verify", True),
        (SCRIPT, "local-exec provisioner error", True),
        (SCRIPT, "exit status 75", True),
        (SCRIPT, ".*timeout.*", False),
        (PASS_ROLE, "iam:PassRole on resource", True),
        (PRECONDITION, "zone is not there yet", True),
        (STALE, ".", False),
    ],
)
def test_a_pattern_matches_the_text_that_its_user_sees(runs, said, pattern, retried, shape):
    """In each format: the heading, terraform's words, two blanks, and text that no known cause matches."""
    tries, _ = runs(shape(said), f"--retry-on={pattern}", stream=1 if shape is message else 2)
    assert tries == (2 if retried else 1)


@pytest.mark.parametrize("file", ["tofu1.12.6-consolidated-denial", "tofu1.12.6-consolidated-denial-nocolor"])
def test_an_error_that_hides_others_is_not_retried(runs, file):
    """One of those is a denial; our line names the option of OpenTofu that shows them."""
    tries, lines = runs((CORPUS / f"{file}.stderr.raw").read_bytes())
    assert tries == 1
    assert "-consolidate-errors" in lines
    assert "terraform_data.a" in lines


def test_an_error_that_hides_others_is_retried_if_its_summary_is_known(runs):
    """All of them have the same summary."""
    assert runs((CORPUS / "tofu1.12.6-consolidated-summary.stderr.raw").read_bytes())[0] == 2


def test_a_text_that_may_be_two_errors_is_not_retried(runs):
    """In every format: no cause matches the first of the two."""
    inner = "no luck\n\nError: Unable to assume the service linked role."
    said = Said(summary=SCRIPT.summary, detail=f"Error running command 'x': exit status 1. Output: {inner}")
    for text, stream in ((box(said), 2), (plain(said), 2), (message(said), 1)):
        tries, line = runs(text, stream=stream)
        assert tries == 1
        assert "aws_ecs_service.ecs failed for another reason (local-exec provisioner error)" in line


def test_the_cause_network_must_be_named_and_our_line_states_its_risk(runs):
    """`all` does not include it."""
    text = box(Said(summary="reading ECS Cluster: dial tcp 10.0.0.1:443: i/o timeout"))
    assert runs(text, "--cause=all")[0] == 1
    tries, line = runs(text, "--cause=network")
    assert tries == 2
    assert "a retry may create an object twice" in line

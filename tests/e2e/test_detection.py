"""Errors in the whole program: users' patterns, OpenTofu's consolidated errors, and our messages about them."""

from __future__ import annotations

import pytest
from aws_errors import SENTENCE
from corpus import CORPUS
from render import Content, box, message, plain
from terraform_output import QUICK, run

LOCAL_EXEC = Content(
    summary="local-exec provisioner error",
    detail="Error running command 'deploy --timeout 5': exit status 75. Output: load balancer.  Please verify\n",
)
PRECONDITION = Content(summary="Resource precondition failed", detail="The zone is not there yet.")
PASS_ROLE = Content(
    summary="creating Lambda: AccessDeniedException: User: ci is not authorized to perform: iam:PassRole on resource: r"
)
STALE = Content(summary="Saved plan is stale", detail="The given plan file can no longer be applied.")


@pytest.fixture
def runs(fake_terraform, tmp_path):
    """Run tfretry with a terraform that fails with a text; return the number of attempts and our messages."""

    def count(text: str | bytes, *options: str, stream: int = 2) -> tuple[int, str]:
        (tmp_path / "text").write_bytes(text if isinstance(text, bytes) else text.encode())
        tries = tmp_path / "tries"
        tries.unlink(missing_ok=True)
        fake_terraform(f"echo >>{tries}; cat {tmp_path}/text >&{stream}; exit 1")
        done = run(*QUICK, "--max-attempts=2", *options, "apply", "-auto-approve")
        assert done.returncode == 1
        content = [line for line in done.stderr.decode().splitlines() if line.startswith("tfretry: ")]
        return len(tries.read_bytes()), "\n".join(content)

    return count


@pytest.mark.parametrize("format_", [box, plain, message])
@pytest.mark.parametrize(
    ("content", "pattern", "retried"),
    [
        (Content(summary="creating Route in Route Table (rtb-1): x"), "^Error: creating Route", True),
        (Content(summary="creating Route in Route Table (rtb-1): x"), ".*Error: .*Route Table", True),
        (LOCAL_EXEC, "load balancer.  Please verify", True),
        (LOCAL_EXEC, "local-exec provisioner error", True),
        (LOCAL_EXEC, "exit status 75", True),
        (LOCAL_EXEC, ".*timeout.*", False),
        (PASS_ROLE, "iam:PassRole on resource", True),
        (PRECONDITION, "zone is not there yet", True),
        (STALE, ".", False),
    ],
)
def test_a_users_pattern_sees_what_the_user_sees(runs, content, pattern, retried, format_):
    """In each format: the heading, terraform's words, two blanks, and text that no built-in cause may match."""
    tries, _ = runs(format_(content), f"--retry-on={pattern}", stream=1 if format_ is message else 2)
    assert tries == (2 if retried else 1)


@pytest.mark.parametrize("file", ["tofu1.12.6-consolidated-denial", "tofu1.12.6-consolidated-denial-nocolor"])
@pytest.mark.parametrize(
    "behind",
    [
        "",
        "Releasing state lock. This may take a few moments...\n",
        "2026-11-26T10:00:00.000Z [TRACE] vertex: done\n",
        '{"@level":"trace","@message":"done"}\n',
    ],
    ids=["nothing", "lock", "log", "log as JSON"],
)
def test_an_error_that_hides_others_is_not_retried_and_we_say_so(runs, file, behind):
    """It hides a denial, whatever stands behind it; our message names OpenTofu's option."""
    tries, content = runs((CORPUS / f"{file}.stderr.raw").read_bytes() + behind.encode())
    assert tries == 1
    assert "-consolidate-errors" in content
    assert "terraform_data.a" in content


def test_an_error_that_hides_others_is_retried_for_its_summary(runs):
    """The hidden errors have the same summary."""
    assert runs((CORPUS / "tofu1.12.6-consolidated-summary.stderr.raw").read_bytes())[0] == 2


def test_text_that_may_be_two_errors_is_not_retried_and_we_say_so(runs):
    """In every format: no cause explains the first of the two."""
    inner = f"no luck\n\nError: {SENTENCE}"
    content = Content(summary=LOCAL_EXEC.summary, detail=f"Error running command 'x': exit status 1. Output: {inner}")
    for text, stream in ((box(content), 2), (plain(content), 2), (message(content), 1)):
        tries, line = runs(text, stream=stream)
        assert tries == 1
        assert "aws_ecs_service.ecs failed for another reason (local-exec provisioner error)" in line


def test_network_is_enabled_by_name_only_and_its_message_names_the_risk(runs):
    """`all` does not include it."""
    text = box(Content(summary="reading ECS Cluster: dial tcp 10.0.0.1:443: i/o timeout"))
    assert runs(text, "--cause=all")[0] == 1
    tries, content = runs(text, "--cause=network")
    assert tries == 2
    assert "a retry may create an object twice" in content

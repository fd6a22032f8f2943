from __future__ import annotations

from dataclasses import replace

import pytest
from terraform_output import ROLE_ERROR

from tfretry.attempt import run_attempt
from tfretry.causes.table import TABLE
from tfretry.process import signalmask
from tfretry.process.signals import Signals
from tfretry.report.events import NotRetried
from tfretry.report.phrases import UNREAD
from tfretry.result import result_of


class Broken:
    """A pattern whose search fails."""

    def search(self, text):
        raise RuntimeError(text)


def attempt_at(terraform, causes):
    with Signals(signalmask.block()) as signals:
        return run_attempt([str(terraform), "apply"], causes=causes, signals=signals)


@pytest.fixture
def fails(fake_terraform, tmp_path):
    """Function that writes a terraform that prints the role error and exits with a given code."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    return lambda code: fake_terraform(f"cat {tmp_path}/error >&2; exit {code}")


def test_an_attempt_has_the_errors_the_exit_code_and_the_duration(fails):
    """Of a run with one known error."""
    attempt = attempt_at(fails(1), TABLE)
    assert (attempt.exit_code, attempt.watched, attempt.is_retryable, attempt.diagnosis.errors) == (1, True, True, 1)
    assert 0 < attempt.duration_s == attempt.ended_s - attempt.began_s
    assert not attempt.left_line_open


@pytest.mark.parametrize("custom", [False, True])
@pytest.mark.parametrize("code", [0, 1, 7])
def test_a_failure_to_read_the_output_means_no_retry(fails, code, custom):
    """Terraform's exit code stays, whether a built-in or a user's pattern fails."""
    attempt = attempt_at(fails(code), [replace(TABLE[0], patterns=(Broken(),), custom=custom)])
    assert (attempt.exit_code, attempt.watched, attempt.is_retryable) == (code, False, False)
    result = result_of([attempt])
    assert (result.exit_code, result.event == NotRetried(reason=UNREAD)) == (code, code == 1)

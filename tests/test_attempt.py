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
    """A pattern that fails when it is asked."""

    def search(self, text):
        raise RuntimeError(text)


def attempt_at(terraform, causes):
    with Signals(signalmask.block()) as signals:
        return run_attempt([str(terraform), "apply"], causes=causes, signals=signals)


@pytest.fixture
def fails(fake_terraform, tmp_path):
    """A terraform that meets the role error and exits as it is told."""
    (tmp_path / "error").write_text(ROLE_ERROR)
    return lambda code: fake_terraform(f"cat {tmp_path}/error >&2; exit {code}")


def test_an_attempt_tells_what_was_read(fails):
    """Its errors, its exit code, how long it took."""
    attempt = attempt_at(fails(1), TABLE)
    assert (attempt.exit_code, attempt.watched, attempt.is_retryable, attempt.diagnosis.errors) == (1, True, True, 1)
    assert 0 < attempt.duration_s == attempt.ended_s - attempt.began_s
    assert not attempt.left_line_open


@pytest.mark.parametrize("custom", [False, True])
@pytest.mark.parametrize("code", [0, 1, 7])
def test_where_we_fail_to_read_terraforms_exit_code_stands_and_nothing_is_retried(fails, code, custom):
    """While output flows, at its end, or when a user's pattern is tried."""
    attempt = attempt_at(fails(code), [replace(TABLE[0], patterns=(Broken(),), custom=custom)])
    assert (attempt.exit_code, attempt.watched, attempt.is_retryable) == (code, False, False)
    result = result_of([attempt])
    assert (result.exit_code, result.event == NotRetried(reason=UNREAD)) == (code, code == 1)

"""Reports to CI systems: annotations on stderr and the step summary."""

from __future__ import annotations

import subprocess

import pytest
from aws_errors import SENTENCE
from terraform_output import DENIED_ERROR, ROLE_ERROR, TFRETRY, run

from tfretry.report.ci import annotation
from tfretry.report.events import NotContinued

pytestmark = pytest.mark.usefixtures("short_waits")


@pytest.fixture
def github(tmp_path, monkeypatch):
    """Set the environment of a GitHub Actions runner; return the path of the step summary."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


def commands(done):
    return [line for line in done.stderr.decode().splitlines() if line.startswith(("::", "##"))]


def test_github_gets_one_notice_when_a_retry_succeeded(scripted, github):
    """On stderr, which the runner reads too; stdout is terraform's."""
    scripted((1, "", ROLE_ERROR), (1, "", ROLE_ERROR), (0, "out\n", ""))
    done = run("apply")
    (command,) = commands(done)
    assert command.startswith("::notice title=tfretry::applied on attempt 3, ")
    assert done.stdout == b"out\n"
    written = github.read_text()
    assert written.startswith("before\n### tfretry: applied\n\n```text\napplied on attempt 3, ")
    assert written.count("\n| ") == 5
    assert SENTENCE in written


def test_github_gets_one_warning_when_it_gave_up(scripted, github):
    """On one line, since a line end ends the command."""
    scripted((1, "", ROLE_ERROR))
    (command,) = commands(run("--max-attempts=2", "apply"))
    assert command.startswith("::warning title=tfretry::gave up after 2 attempts in ")
    assert 'resource "aws_iam_service_linked_role" "ecs"' in command
    assert "gave-up" in github.read_text()


def test_github_gets_one_warning_when_another_error_prevented_the_retry(scripted, github):
    """Characters that the runner would interpret are escaped."""
    scripted((1, "", ROLE_ERROR + DENIED_ERROR.replace("AccessDenied", "100% denied")))
    (command,) = commands(run("apply"))
    assert command.startswith("::warning title=tfretry::not retried: aws_ecs_cluster.c failed")
    assert "100%25 denied" in command
    assert "### tfretry: not-retried\n" in github.read_text()


def test_github_gets_nothing_of_an_apply_without_a_known_error(scripted, github):
    """Neither an annotation nor a summary."""
    for only_run in ((0, "", ""), (1, "", DENIED_ERROR)):
        scripted(only_run)
        assert commands(run("apply")) == []
    assert github.read_text() == "before\n"


def test_the_summary_begins_on_a_line_of_its_own(scripted, github):
    """Even if another step has left a line open."""
    for before, expected in (("open", "open\n### tfretry"), ("closed\n", "closed\n### tfretry"), ("", "### tfretry")):
        github.write_text(before)
        scripted((1, "", ROLE_ERROR), (0, "", ""))
        run("apply")
        assert github.read_text().startswith(expected)


@pytest.mark.usefixtures("github")
def test_a_summary_that_cannot_be_written_changes_nothing(scripted, monkeypatch):
    """The exit code and the annotation are the same."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("apply")
    assert done.returncode == 0
    assert len(commands(done)) == 1


def test_azure_pipelines_gets_a_warning_in_its_own_form(scripted, monkeypatch):
    """And nothing if a retry succeeded: Azure has no level below warning."""
    monkeypatch.setenv("TF_BUILD", "True")
    scripted((1, "", ROLE_ERROR))
    (command,) = commands(run("--max-attempts=2", "apply"))
    assert command.startswith("##vso[task.logissue type=warning]tfretry: gave up after 2 attempts in ")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    assert commands(run("apply")) == []


@pytest.mark.parametrize("name", ["GITLAB_CI", "JENKINS_URL", "BUILDKITE", "CIRCLECI"])
def test_other_systems_get_plain_lines(scripted, monkeypatch, name):
    """One line per retry, and one at the end."""
    monkeypatch.setenv(name, "true")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("apply")
    assert commands(done) == []
    assert done.stderr.count(b"tfretry: ") == 2


@pytest.mark.usefixtures("github")
def test_quiet_and_json_have_no_annotation(scripted):
    """A reader of JSON lines gets nothing else, and --quiet leaves it out."""
    for arguments in (["--quiet", "apply"], ["--log-format=json", "apply"], ["apply", "-json"]):
        scripted((1, "", ROLE_ERROR), (0, "", ""))
        assert commands(run(*arguments)) == []
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    assert len(commands(run("--log-format=text", "apply", "-json"))) == 1


@pytest.mark.usefixtures("github")
def test_a_step_of_a_workflow_continues_after_a_successful_retry(scripted, tmp_path):
    """The shell line of the README, started by `bash -e` as the runner does."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    step = tmp_path / "step.sh"
    step.write_text(f"{' '.join(TFRETRY)} apply -auto-approve -input=false\necho after\n")
    done = subprocess.run(["bash", "-e", str(step)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "after\n")


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"GITHUB_ACTIONS": "true"}, "::warning title=tfretry::not continued: 100%25%0A  a b\n"),
        ({"TF_BUILD": "True"}, "##vso[task.logissue type=warning]tfretry: not continued: 100%AZP25%0A  a b\n"),
        ({}, ""),
    ],
)
def test_a_command_escapes_percent_signs_and_line_ends(environ, line):
    """Each runner has its own escapes; a carriage return is a blank."""
    assert annotation(NotContinued(reason="100%", details=("a\rb",)), environ) == line


def test_a_summary_shows_an_error_unchanged(scripted, github):
    """No character of AWS's message is read as Markdown."""
    scripted((1, "", ROLE_ERROR.replace("(nginx)", "(*a*|<b>[c](d)`e`)")), (0, "", ""))
    run("apply")
    row = github.read_text().splitlines()[-3]
    assert "&#42;a&#42;&#124;&#60;b&#62;&#91;c&#93;(d)&#96;e&#96;" in row
    assert row.count("|") == 6

"""In CI systems: the place where people look at a red or a slow job."""

from __future__ import annotations

import subprocess

import pytest
from terraform_output import DENIED_ERROR, ROLE_ERROR, TFRETRY, run

from tfretry.report.ci import annotation

pytestmark = pytest.mark.usefixtures("short_waits")


@pytest.fixture
def github(tmp_path, monkeypatch):
    """The environment of a GitHub Actions runner; returns the step summary's path."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


def commands(done):
    return [line for line in done.stderr.decode().splitlines() if line.startswith(("::", "##"))]


def test_github_gets_one_notice_when_it_healed(scripted, github):
    """On stderr, where the runner reads it too; stdout is terraform's."""
    scripted((1, "", ROLE_ERROR), (1, "", ROLE_ERROR), (0, "out\n", ""))
    done = run("apply")
    (command,) = commands(done)
    assert command.startswith("::notice title=tfretry::applied on attempt 3, ")
    assert done.stdout == b"out\n"
    written = github.read_text()
    assert written.startswith("before\n### tfretry: applied\n\n```text\napplied on attempt 3, ")
    assert written.count("\n| ") == 5
    assert "Unable to assume the service linked role" in written


def test_github_gets_one_warning_when_it_gave_up(scripted, github):
    """In one line: a command ends with it."""
    scripted((1, "", ROLE_ERROR))
    (command,) = commands(run("--max-attempts=2", "apply"))
    assert command.startswith("::warning title=tfretry::gave up after 2 attempts in ")
    assert "gave-up" in github.read_text()


def test_github_gets_one_warning_when_another_error_stood_in_the_way(scripted, github):
    """With the characters escaped that the runner would act on."""
    scripted((1, "", ROLE_ERROR + DENIED_ERROR.replace("AccessDenied", "100% denied")))
    (command,) = commands(run("apply"))
    assert command.startswith("::warning title=tfretry::not retried: aws_ecs_cluster.c failed")
    assert "100%25 denied" in command
    assert github.exists()


def test_github_gets_nothing_of_an_apply_that_works_or_fails_by_itself(scripted, github):
    """Nobody can tell that we were there."""
    for scene in ((0, "", ""), (1, "", DENIED_ERROR)):
        scripted(scene)
        assert commands(run("apply")) == []
    assert github.read_text() == "before\n"


def test_the_summary_begins_on_a_line_of_its_own(scripted, github):
    """Whatever another step has left open."""
    for before, expected in (("open", "open\n### tfretry"), ("closed\n", "closed\n### tfretry"), ("", "### tfretry")):
        github.write_text(before)
        scripted((1, "", ROLE_ERROR), (0, "", ""))
        run("apply")
        assert github.read_text().startswith(expected)


@pytest.mark.usefixtures("github")
def test_a_summary_that_cannot_be_written_changes_nothing(scripted, monkeypatch):
    """Neither the exit code nor what is said."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("apply")
    assert done.returncode == 0
    assert len(commands(done)) == 1


def test_azure_pipelines_gets_a_warning_in_its_own_form(scripted, monkeypatch):
    """And nothing when it healed: Azure has no level below warning."""
    monkeypatch.setenv("TF_BUILD", "True")
    scripted((1, "", ROLE_ERROR))
    (command,) = commands(run("--max-attempts=2", "apply"))
    assert command.startswith("##vso[task.logissue type=warning]tfretry: gave up after 2 attempts in ")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    assert commands(run("apply")) == []


@pytest.mark.parametrize("name", ["GITLAB_CI", "JENKINS_URL", "BUILDKITE", "CIRCLECI"])
def test_other_systems_get_plain_lines(scripted, monkeypatch, name):
    """One a retry, and one at the end."""
    monkeypatch.setenv(name, "true")
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    done = run("apply")
    assert commands(done) == []
    assert done.stderr.count(b"tfretry: ") == 2


@pytest.mark.usefixtures("github")
def test_quiet_and_json_have_no_annotation(scripted):
    """A reader of JSON lines meets nothing else; quiet is quiet."""
    for arguments in (["--quiet", "apply"], ["--log-format=json", "apply"], ["apply", "-json"]):
        scripted((1, "", ROLE_ERROR), (0, "", ""))
        assert commands(run(*arguments)) == []
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    assert len(commands(run("--log-format=text", "apply", "-json"))) == 1


@pytest.mark.usefixtures("github")
def test_a_step_of_a_workflow_goes_on_after_a_healed_apply(scripted, tmp_path):
    """The `run:` block of the README under `bash -e`, as the runner starts it."""
    scripted((1, "", ROLE_ERROR), (0, "", ""))
    step = tmp_path / "step.sh"
    step.write_text(f"{' '.join(TFRETRY)} apply -auto-approve -input=false\necho after\n")
    done = subprocess.run(["bash", "-e", str(step)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "after\n")


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"GITHUB_ACTIONS": "true"}, "::warning title=tfretry::100%25 a%0D%0Ab\n"),
        ({"TF_BUILD": "True"}, "##vso[task.logissue type=warning]tfretry: 100%AZP25 a%0D%0Ab\n"),
        ({}, ""),
    ],
)
def test_a_command_escapes_what_would_end_it(environ, line):
    """Per cent signs and line ends, each runner in its own way."""
    assert annotation("warning", "100% a\r\nb", environ) == line


def test_a_summary_shows_an_error_as_it_is(scripted, github):
    """No character of AWS's message is taken for Markdown."""
    scripted((1, "", ROLE_ERROR.replace("(nginx)", "(*a*|<b>[c](d)`e`)")), (0, "", ""))
    run("apply")
    row = github.read_text().splitlines()[-3]
    assert "&#42;a&#42;&#124;&#60;b&#62;&#91;c&#93;(d)&#96;e&#96;" in row
    assert row.count("|") == 6

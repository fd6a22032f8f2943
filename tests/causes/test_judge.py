from __future__ import annotations

import re
import signal
import time
from threading import Thread

import pytest
from reading import DEFAULT, judged
from render import AWS, DENIED, SENTENCE

from tfretry.causes.judge import AUTHORED, UNDECIDED_KEPT, Judge
from tfretry.causes.patience import PATIENCE_S, SEEN, OutOfPatienceError, patience
from tfretry.causes.table import TABLE, custom_cause
from tfretry.output.shapes import UNREADABLE, Diagnostic

ALL = TABLE
ROLE = "arn:aws:iam::123456789012:role"
SENTENCES = {
    "ecs-service-linked-role": [
        SENTENCE,
        f"InvalidParameterException: {SENTENCE} (Service: AmazonECS; Status Code: 400)",
    ],
    "ecs-role-missing": [
        (
            "error creating capacity provider: ClientException: ECS Service Linked Role does not exist. "
            "Please create a Service linked role for ECS and try again."
        )
    ],
    "service-linked-roles": [
        (
            "ValidationException: Before you can proceed, you must enable a service-linked role to give Amazon ES "
            "permissions to access your VPC."
        ),
        "you must enable a service-linked role to give Amazon OpenSearch Service permissions to access your VPC.",
        (
            f"Access denied when attempting to assume role {ROLE}/aws-service-role/autoscaling.amazonaws.com/"
            "AWSServiceRoleForAutoScaling. Validating load balancer configuration failed."
        ),
        f"Unable to assume IAM role: {ROLE}/aws-service-role/x.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_X",
        (
            f"ValidationException: Role with arn: {ROLE}/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService, could not be assumed because it does not exist"
        ),
        "Verify that you have permission to create service linked role. Otherwise wait and try again later",
    ],
    "iam-propagation": [
        "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.",
        (
            f"Role with arn: {ROLE}/mine, could not be assumed because it does not exist or the trusted entity is not "
            "correct"
        ),
        "InvalidParameterException: Unable to assume role and validate the specified targetGroupArn. Please verify",
        "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        "InvalidInputException: Unable to assume role for arn",
        "ValidationException: Unable to assume IAM role",
    ],
}
NEVER = [
    "You cannot specify an IAM role for services that require a service linked role.",
    DENIED,
    "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
    "Error acquiring the state lock",
    "Error locking state: ConditionalCheckFailedException",
    "execution halted",
    "Saved plan is stale",
]


def cause_of(diagnostic, causes):
    """The first of *causes* that explains *diagnostic*; None when there is none, or any doubt."""
    judge = Judge(causes)
    judge.see(diagnostic)
    return judge.diagnosis().findings[0].cause


def said(summary: str, detail: str = "", **rest) -> Diagnostic:
    return Diagnostic(summary=summary, detail=detail, address=rest.pop("address", "a.b"), shape="box", **rest)


def test_the_table_says_everything_about_each_cause():
    """Name, sentence, what heals it, why and where that is written; the first alone is on by default."""
    for cause in TABLE:
        assert re.fullmatch(r"[a-z-]+", cause.name)
        assert all((cause.patterns, cause.sentence, cause.heals, cause.why))
        assert cause.source.startswith("https://")
        assert not cause.custom
    assert [cause.default for cause in TABLE] == [True, False, False, False]
    assert set(SENTENCES) == {cause.name for cause in TABLE}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SENTENCES.items() for text in texts])
def test_each_sentence_of_aws_has_its_cause(name, text):
    """Found in a summary and in a detail, when its cause is enabled; by default only the ECS role's."""
    own = [cause for cause in TABLE if cause.name == name]
    others = [cause for cause in TABLE if cause.default and cause.name != name]
    for diagnostic in (said(text), said("Operation Incomplete", text)):
        assert cause_of(diagnostic, own) is own[0]
        assert cause_of(diagnostic, others) is None


@pytest.mark.parametrize("text", NEVER)
def test_some_errors_heal_whatever_is_enabled_never(text):
    """Not beside a sentence that would heal, and not by a user's own pattern."""
    everything = [*ALL, custom_cause("mine", ".", "all")]
    for diagnostic in (said(text), said(AWS, text), said(f"{text} {AWS}"), said(AWS, heading=text)):
        assert cause_of(diagnostic, everything) is None


@pytest.mark.parametrize("summary", AUTHORED)
def test_an_authors_text_never_heals(summary):
    """Nor by a user's own pattern, nor within a group of errors."""
    everything = [*ALL, custom_cause("mine", ".", "all")]
    assert cause_of(said(summary, AWS), everything) is None
    assert cause_of(said(AWS, heading=f"{summary} 2 errors occurred:"), everything) is None


def test_a_command_that_was_cut_explains_nothing():
    """Its true end may be missing."""
    text = f"Error running command 'x': exit status 1. Output: {SENTENCE}"
    assert cause_of(said("local-exec provisioner error", text), DEFAULT) is DEFAULT[0]
    assert cause_of(said("local-exec provisioner error", text, torn=True), DEFAULT) is None
    assert cause_of(said("local-exec provisioner error", text, truncated=True), DEFAULT) is None
    assert cause_of(said("local-exec provisioner error", SENTENCE), DEFAULT) is None
    assert cause_of(said(f"x': exit status 1. Output: {SENTENCE}"), DEFAULT) is None
    assert cause_of(said(f"x': exit status 1. Output: {SENTENCE} Error running command 'y"), DEFAULT) is None


def test_a_text_that_was_cut_explains_nothing():
    """What says that the error is permanent may be what is missing; of a torn text, no word is."""
    everything = [*ALL, custom_cause("mine", ".", "all")]
    assert cause_of(said(AWS, truncated=True), everything) is None
    assert cause_of(said(AWS, torn=True), everything) is DEFAULT[0]


def test_a_users_pattern_matches_a_commands_output_only():
    """As a known cause does."""
    mine = custom_cause("mine", "try later", "it says so")
    text = "Error running command '{}': exit status 1. Output: {}"
    assert cause_of(said("local-exec provisioner error", text.format("x", "try later")), [mine]) is mine
    assert cause_of(said("local-exec provisioner error", text.format("try later", "x")), [mine]) is None


@pytest.mark.parametrize("pattern", ["(", "*", "a{2,1}", "[", "(?P<a>x)(?P<a>y)", ""])
def test_a_bad_pattern_is_refused_with_a_sentence(pattern):
    """Before terraform runs, and naming the pattern or whose it is."""
    with pytest.raises(ValueError, match=re.escape(repr(pattern)) if pattern else "'mine' is empty"):
        custom_cause("mine", pattern, "why")


def test_a_users_cause_speaks_for_itself():
    """What the user gave as the reason is what the message says."""
    assert custom_cause("mine", "x", "S3 lags").sentence == "S3 lags"
    assert custom_cause("mine", "x", "S3 lags").custom


def test_a_users_pattern_sees_the_beginning_of_a_long_text():
    """The first 4,096 characters, and not one more."""
    mine = custom_cause("mine", "END", "")
    assert cause_of(said("x" * (SEEN - 3) + "END"), [mine]) is mine
    assert cause_of(said("x" * (SEEN - 2) + "END"), [mine]) is None


CATASTROPHIC = [r"(x+)+$", r"(x|x)*y", r"(.*)*z", r".*.*.*.*y"]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_a_pattern_that_would_take_for_ever_is_given_up(pattern):
    """It explains nothing then, and the handler of the timer's signal is as before."""
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(OutOfPatienceError), patience():
        re.search(pattern, "x" * 4000 + "!")
    assert cause_of(said("x" * 4000 + "!"), [custom_cause("mine", pattern, "")]) is None
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_slow_pattern_is_given_up_once_for_a_whole_run():
    """Thousands of errors cost its time once; known causes are still found."""
    judge = Judge([*DEFAULT, custom_cause("mine", r"(x+)+$", "")])
    started = time.process_time()
    for _ in range(1000):
        judge.see(said("x" * 4000 + "!"))
    judge.see(said(AWS))
    assert time.process_time() - started < 10
    assert judge.diagnosis().errors == 1001


def test_all_the_errors_of_a_run_share_one_patience():
    """Each search ends in time, but not all of them together: what was reached is decided, the rest unexplained."""
    judge = Judge([custom_cause("slow", r".*,.*,.*Q", "it heals"), custom_cause("slower", r".*,.*,.*,Q", "it heals")])
    judge.see(said("a, b, Q"))
    for _ in range(300):
        judge.see(said("a b c, " * 80))
    started = time.process_time()
    diagnosis = judge.diagnosis()
    assert time.process_time() - started < 4 * PATIENCE_S
    assert diagnosis.errors == 301
    assert diagnosis.findings[0].cause is not None
    assert diagnosis.obstacle == diagnosis.findings[1]
    assert judge.diagnosis() == diagnosis


def test_a_pattern_of_the_users_is_not_tried_while_output_flows():
    """Errors are seen in the thread that carries terraform's output, which must not wait for a pattern."""
    judge = Judge([custom_cause("slow", r"(a+)+$", "never ends")])
    thread = Thread(target=lambda: judge.see(said("a" * 60 + "b")))
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert judge.diagnosis().obstacle is not None


def test_errors_that_only_a_users_pattern_could_explain_are_kept_up_to_a_number():
    """One more is unexplained: memory is bounded, and the doubt is against a retry."""
    judge = Judge([custom_cause("mine", "try later", "it heals")])
    for _ in range(UNDECIDED_KEPT):
        judge.see(said("try later"))
    assert judge.diagnosis().heals
    judge.see(said("try later"))
    assert not judge.diagnosis().heals


def test_one_permanent_error_is_an_obstacle_to_any_number_that_heal():
    """And it is the one that is named."""
    diagnosis = judged([said(AWS)] * 30 + [said("Invalid index", address="x.y")] + [said(AWS)] * 3)
    assert (diagnosis.errors, diagnosis.heals, len(diagnosis.findings)) == (34, False, 20)
    assert (diagnosis.obstacle.summary, diagnosis.obstacle.address) == ("Invalid index", "x.y")
    assert diagnosis.healing.cause is DEFAULT[0]


def test_no_error_heals_nothing():
    """A `no` at the prompt prints no diagnostic."""
    assert judged([]).heals is False
    assert judged([]).healing is None
    assert judged([said("x")]).healing is None


def test_an_error_without_text_is_explained_by_nothing():
    """Not even by a pattern that matches everything."""
    everything = [*ALL, custom_cause("mine", ".|$", "all")]
    assert cause_of(said(""), everything) is None
    assert cause_of(UNREADABLE, everything) is None


def test_a_finding_keeps_five_hundred_characters():
    """Enough for a sentence."""
    assert len(judged([said("x" * 1000)]).findings[0].summary) == 500


@pytest.mark.parametrize("cause", TABLE, ids=lambda cause: cause.name)
def test_no_text_makes_a_known_pattern_slow(cause):
    """What a diagnostic keeps at most, made of the beginnings of every sentence."""
    starts = ["Role with arn: ", "/aws-service-role/", "Unable to assume IAM role: ", "/", "x", "Access denied when "]
    for start in starts:
        text = ("Role with arn: " + start * 65_536)[:65_536]
        started = time.process_time()
        assert cause_of(said(text), [cause]) in {None, cause}
        assert time.process_time() - started < 2

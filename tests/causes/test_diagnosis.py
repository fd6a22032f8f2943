from __future__ import annotations

import re
import signal
import time
from dataclasses import replace
from threading import Thread

import pytest
from aws_errors import ACCESS_DENIED, AWS, SENTENCE
from diagnostics import DEFAULT, diagnosis_of

from tfretry.causes.diagnosis import SEARCHED, UNDECIDED_KEPT, Classifier
from tfretry.causes.table import TABLE, custom_cause
from tfretry.causes.time_limit import TIME_LIMIT_S, time_limit
from tfretry.output.diagnostic import UNREADABLE, Diagnostic
from tfretry.terraform.messages import AUTHORED, STALE_PLAN

ARN = "arn:aws:iam::123456789012:role"
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
            f"Access denied when attempting to assume role {ARN}/aws-service-role/autoscaling.amazonaws.com/"
            "AWSServiceRoleForAutoScaling. Validating load balancer configuration failed."
        ),
        f"Unable to assume IAM role: {ARN}/aws-service-role/x.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_X",
        (
            f"ValidationException: Role with arn: {ARN}/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService, could not be assumed because it does not exist"
        ),
        "Verify that you have permission to create service linked role. Otherwise wait and try again later",
    ],
    "iam-propagation": [
        "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.",
        (
            f"Role with arn: {ARN}/mine, could not be assumed because it does not exist or the trusted entity is not "
            "correct"
        ),
        "InvalidParameterException: Unable to assume role and validate the specified targetGroupArn. Please verify",
        "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        "InvalidInputException: Unable to assume role for arn",
        "ValidationException: Unable to assume IAM role",
        (
            f"ECS was unable to assume the configured ECS Infrastructure Role '{ARN}/mine'. Please verify that the "
            "role being passed has the proper trust relationship with Amazon ECS."
        ),
        "Unable to assume role and validate the listeners configured on your load balancer. Please verify the role",
        "MalformedPolicyDocumentException: Policy contains a statement with one or more invalid principals.",
        (
            "InvalidParameterValue: IAM role ARN value is invalid or does not include the required permissions for: "
            "SQLSERVER_BACKUP_RESTORE"
        ),
        f"InvalidInputException: CodeBuild is not authorized to perform: sts:AssumeRole on {ARN}/mine",
    ],
    "throttling": [
        "Throttling: Rate exceeded",
        "ThrottlingException: Too many requests",
        "EC2 Error Code: RequestLimitExceeded. EC2 Error Message: Request limit exceeded.",
        "TooManyRequestsException: Please retry",
        "SlowDown: Please reduce your request rate.",
        "Error creating SSM parameter: TooManyUpdates: ",
        "ValidationError: A separate request to update this alarm is in progress.",
        "Error retrieving state: 429 Too Many Requests",
    ],
    "network": [
        "RequestError: send request failed caused by: Post https://x/: net/http: TLS handshake timeout",
        "read tcp 10.0.0.1:58901->10.0.0.2:443: read: connection reset by peer",
        "dial tcp 10.0.0.1:443: i/o timeout",
        "dial tcp: lookup ecs.eu-west-9.amazonaws.com: no such host",
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
        "https response error StatusCode: 503, RequestID: 1",
        "status code: 502, request id: 1",
        "unexpected response: 504 Gateway Timeout",
        "503 Service Unavailable",
    ],
}
NEVER = [
    "You cannot specify an IAM role for services that require a service linked role.",
    ACCESS_DENIED,
    "Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix.",
    "Error acquiring the state lock",
    "Error locking state: ConditionalCheckFailedException",
    "execution halted",
]
NEVER_AT_ALL = [*STALE_PLAN, "The given plan file can no longer be applied", "Apply cancelled."]


def cause_of(diagnostic, causes):
    """Return the first of *causes* that explains *diagnostic*; None if there is none, or a doubt."""
    classifier = Classifier(causes, time_limit)
    classifier.see(diagnostic)
    return classifier.diagnosis().findings[0].cause


def error(summary: str, detail: str = "", **rest) -> Diagnostic:
    return Diagnostic(summary=summary, detail=detail, address=rest.pop("address", "a.b"), **rest)


def test_the_table_is_complete():
    """Each has a name, a sentence, a resolution, a reason and its sources; only the first is on by default."""
    for cause in TABLE:
        assert re.fullmatch(r"[a-z-]+", cause.name)
        assert all((cause.patterns, cause.sentence, cause.resolved_by, cause.why, cause.sources))
        assert all(source.startswith("https://") for source in cause.sources)
        assert not cause.custom
    assert [cause.name for cause in DEFAULT] == ["ecs-service-linked-role"]
    assert [cause.name for cause in TABLE if not cause.in_all] == ["network"]
    assert set(SENTENCES) == {cause.name for cause in TABLE}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SENTENCES.items() for text in texts])
def test_each_sentence_of_aws_has_its_cause(name, text):
    """It is found in a summary and in a detail, if its cause is enabled."""
    own = [cause for cause in TABLE if cause.name == name]
    others = [cause for cause in DEFAULT if cause.name != name]
    for diagnostic in (error(text), error("Operation Incomplete", text)):
        assert cause_of(diagnostic, own) is own[0]
        assert cause_of(diagnostic, others) is None


@pytest.mark.parametrize("text", NEVER + NEVER_AT_ALL)
def test_some_errors_are_explained_by_no_built_in_cause(text):
    """Neither beside a transient sentence, nor in text that perhaps belongs to another error."""
    for diagnostic in (
        error(text),
        error(AWS, text),
        error(f"{text} {AWS}"),
        error(AWS, heading=text),
        error(AWS, aside=text),
    ):
        assert cause_of(diagnostic, TABLE) is None


@pytest.mark.parametrize("text", NEVER)
def test_a_users_own_pattern_overrides_the_vetoes_for_built_in_causes(text):
    """The user decides."""
    mine = custom_cause("mine", re.escape(text), "it is transient")
    assert cause_of(error(text), [*TABLE, mine]) is mine
    assert cause_of(error("x", f"{AWS} {text}"), [*TABLE, mine]) is mine


@pytest.mark.parametrize("text", NEVER_AT_ALL)
def test_no_pattern_overrides_a_refusal_of_terraform_or_of_the_user(text):
    """A saved plan is applied once, and a `no` at the prompt is no error."""
    everything = [*TABLE, custom_cause("mine", ".", "all")]
    for diagnostic in (error(text), error(AWS, text), error(AWS, heading=text)):
        assert cause_of(diagnostic, everything) is None


def test_the_denial_of_codebuild_is_transient_under_its_own_cause_only():
    """Any other denial is permanent, and so is this one unless its cause is enabled."""
    iam = next(cause for cause in TABLE if cause.name == "iam-propagation")
    text = SENTENCES["iam-propagation"][-1]
    assert cause_of(error(text), [*DEFAULT, iam]) is iam
    assert cause_of(error(AWS, text), [*DEFAULT, iam]) is DEFAULT[0]
    assert cause_of(error(AWS, text), DEFAULT) is None
    assert cause_of(error(text, ACCESS_DENIED), [*DEFAULT, iam]) is None


@pytest.mark.parametrize("summary", AUTHORED)
def test_text_of_the_configurations_author_is_explained_by_a_users_pattern_only(summary):
    """Built-in causes match AWS's words only, in a group of errors too."""
    mine = custom_cause("mine", "assume the service", "all")
    for diagnostic in (error(summary, AWS), error(AWS, heading=f"{summary} 2 errors occurred:")):
        assert cause_of(diagnostic, TABLE) is None
        assert cause_of(diagnostic, [*TABLE, mine]) is mine


def test_a_command_that_was_cut_explains_nothing():
    """Its true end may be missing."""
    text = f"Error running command 'x': exit status 1. Output: {SENTENCE}"
    assert cause_of(error("local-exec provisioner error", text), DEFAULT) is DEFAULT[0]
    assert cause_of(error("local-exec provisioner error", text, torn=True), DEFAULT) is None
    assert cause_of(error("local-exec provisioner error", text, truncated=True), DEFAULT) is None
    assert cause_of(error("local-exec provisioner error", SENTENCE), DEFAULT) is None
    assert cause_of(error(f"x': exit status 1. Output: {SENTENCE}"), DEFAULT) is None
    assert cause_of(error(f"x': exit status 1. Output: {SENTENCE} Error running command 'y"), DEFAULT) is None


def test_a_text_that_was_cut_explains_nothing():
    """The missing text may be permanent; of a torn text all words are there."""
    everything = [*TABLE, custom_cause("mine", ".", "all")]
    assert cause_of(error(AWS, truncated=True), everything) is None
    assert cause_of(error(AWS, torn=True), everything) is DEFAULT[0]


LOCAL_EXEC = error(
    "local-exec provisioner error", "Error running command 'deploy --timeout 5': exit status 75. Output: no luck"
)


@pytest.mark.parametrize(
    ("pattern", "diagnostic", "matches"),
    [
        ("local-exec provisioner error", LOCAL_EXEC, True),
        ("exit status 75", LOCAL_EXEC, True),
        ("^Error: local-exec", LOCAL_EXEC, True),
        ("Output: no luck$", LOCAL_EXEC, True),
        (".*Error: .*no luck", LOCAL_EXEC, True),
        (".*timeout.*", LOCAL_EXEC, False),
        ("deploy", LOCAL_EXEC, False),
        ("^Error: creating Route", error("creating Route in Route Table (rtb-1)"), True),
        ("^creating Route", error("creating Route in Route Table (rtb-1)"), False),
        ("load balancer.  Please verify", error("x", "configured on your load balancer. Please verify the role"), True),
        (
            "iam:PassRole on resource",
            error("x", "User: ci is not authorized to perform: iam:PassRole on resource: r"),
            True,
        ),
        ("^Error: a leaf$", error("a leaf", heading="2 errors occurred:"), True),
        ("exit status 75", replace(LOCAL_EXEC, torn=True), False),
        ("local-exec provisioner error", replace(LOCAL_EXEC, torn=True), True),
        ("local-exec", replace(LOCAL_EXEC, truncated=True), False),
        ("quoted later", error("x", aside="quoted later"), False),
        ("y", error("x y': exit status 1. Output: z"), False),
    ],
)
def test_a_users_pattern_sees_the_error_as_the_user_sees_it(pattern, diagnostic, matches):
    """With its heading and terraform's words, but without the command that a local-exec quotes."""
    mine = custom_cause("mine", pattern, "it says so")
    assert (cause_of(diagnostic, [mine]) is mine) is matches


@pytest.mark.parametrize("end", ["(and one more similar error elsewhere)", "(and 12 more similar errors elsewhere)"])
def test_an_error_that_hides_others_matches_by_its_summary_alone(end):
    """OpenTofu's -consolidate-errors: the errors have the same summary, and nothing else in common."""
    mine = custom_cause("mine", "try later", "")
    group = Diagnostic(summary=AWS, detail="", address=None, heading="x", aside=end)
    for errors, causes, is_retried in (
        ([error(AWS, end)], DEFAULT, True),
        ([error("x", f"{AWS} {end}")], DEFAULT, False),
        ([error("x", f"{AWS} {end} and what stands behind it")], DEFAULT, False),
        ([error("x", AWS), error(AWS, end)], DEFAULT, False),
        ([error(AWS), error(AWS, end)], DEFAULT, True),
        ([group], DEFAULT, False),
        ([error("try later", end)], [mine], True),
        ([error("x", f"try later {end}")], [mine], False),
        ([error("x", "try later"), error("try later", end)], [mine], False),
    ):
        assert diagnosis_of(errors, causes).is_transient is is_retried
    diagnosis = diagnosis_of([error("x", f"{AWS} {end}")])
    assert (diagnosis.unexplained.hides_others, diagnosis.met_cause) == (True, True)


@pytest.mark.parametrize("pattern", ["(", "*", "a{2,1}", "[", "(?P<a>x)(?P<a>y)"])
def test_a_bad_pattern_is_refused_with_a_sentence(pattern):
    """Before terraform runs; the sentence names the pattern."""
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        custom_cause("mine", pattern, "why")


def test_a_users_cause_has_the_users_sentence():
    """The message is the user's reason."""
    assert custom_cause("mine", "x", "S3 lags").sentence == "S3 lags"
    assert custom_cause("mine", "x", "S3 lags").custom


def test_a_users_pattern_sees_the_beginning_of_a_long_text():
    """The first 4,096 characters, and not one more."""
    mine = custom_cause("mine", "END", "")
    room = SEARCHED - len("Error: END")
    assert cause_of(error("x" * room + "END"), [mine]) is mine
    assert cause_of(error("x" * room + "xEND"), [mine]) is None


CATASTROPHIC = [r"(x+)+$", r"(x|x)*y", r"(.*)*z", r".*.*.*.*y"]


@pytest.mark.parametrize("pattern", CATASTROPHIC)
def test_a_search_that_would_take_for_ever_is_ended(pattern):
    """It explains nothing, and the timer and the handler of its signal are restored."""
    before = signal.getsignal(signal.SIGVTALRM)
    reached = False
    with time_limit():
        re.search(pattern, "x" * 4000 + "!")
        reached = True
    assert not reached
    assert cause_of(error("x" * 4000 + "!"), [custom_cause("mine", pattern, "")]) is None
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_a_slow_pattern_costs_its_time_limit_once_a_run():
    """Not once for each of a thousand errors; built-in causes are still found."""
    classifier = Classifier([*DEFAULT, custom_cause("mine", r"(x+)+$", "")], time_limit)
    classifier.see(error(AWS))
    for _ in range(1000):
        classifier.see(error("x" * 4000 + "!"))
    started = time.process_time()
    diagnosis = classifier.diagnosis()
    assert time.process_time() - started < 4 * TIME_LIMIT_S
    assert diagnosis.errors == 1001
    assert diagnosis.first_match.cause is DEFAULT[0]


def test_all_errors_of_a_run_share_one_time_limit():
    """Each search is short, but all together are not: the errors behind the limit are unexplained."""
    classifier = Classifier(
        [
            custom_cause("slow", r".*,.*,.*Q", "it is transient"),
            custom_cause("slower", r".*,.*,.*,Q", "it is transient"),
        ],
        time_limit,
    )
    classifier.see(error("a, b, Q"))
    for _ in range(300):
        classifier.see(error("a b c, " * 80))
    started = time.process_time()
    diagnosis = classifier.diagnosis()
    assert time.process_time() - started < 4 * TIME_LIMIT_S
    assert diagnosis.errors == 301
    assert diagnosis.findings[0].cause is not None
    assert diagnosis.unexplained == diagnosis.findings[1]
    assert classifier.diagnosis() == diagnosis


def test_a_users_pattern_is_not_searched_while_output_is_read():
    """The thread that reads terraform's output must not wait for a pattern."""
    classifier = Classifier([custom_cause("slow", r"(a+)+$", "never ends")], time_limit)
    thread = Thread(target=lambda: classifier.see(error("a" * 60 + "b")))
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert classifier.diagnosis().unexplained is not None


def test_the_number_of_errors_kept_for_users_patterns_is_bounded():
    """One more is unexplained."""
    classifier = Classifier([custom_cause("mine", "try later", "it is transient")], time_limit)
    for _ in range(UNDECIDED_KEPT):
        classifier.see(error("try later"))
    assert classifier.diagnosis().is_transient
    classifier.see(error("try later"))
    assert not classifier.diagnosis().is_transient


def test_one_permanent_error_among_many_transient_ones_prevents_the_retry():
    """It is the error that the message names."""
    diagnosis = diagnosis_of([error(AWS)] * 30 + [error("Invalid index", address="x.y")] + [error(AWS)] * 3)
    assert (diagnosis.errors, diagnosis.is_transient, len(diagnosis.findings)) == (34, False, 20)
    assert (diagnosis.unexplained.summary, diagnosis.unexplained.address) == ("Invalid index", "x.y")
    assert diagnosis.first_match.cause is DEFAULT[0]


def test_a_run_without_errors_is_not_transient():
    """A `no` at the prompt prints no diagnostic."""
    assert diagnosis_of([]).is_transient is False
    assert diagnosis_of([]).first_match is None
    assert diagnosis_of([error("x")]).first_match is None


def test_an_error_without_text_is_explained_by_nothing():
    """Not even by a pattern that matches everything."""
    everything = [*TABLE, custom_cause("mine", ".|$", "all")]
    assert cause_of(error(""), everything) is None
    assert cause_of(UNREADABLE, everything) is None


def test_a_finding_keeps_five_hundred_characters():
    """Enough for a sentence."""
    assert len(diagnosis_of([error("x" * 1000)]).findings[0].summary) == 500


@pytest.mark.parametrize("cause", TABLE, ids=lambda cause: cause.name)
def test_no_text_makes_a_built_in_pattern_slow(cause):
    """The longest text that is kept, made of the beginnings of the sentences."""
    starts = ["Role with arn: ", "/aws-service-role/", "Unable to assume IAM role: ", "/", "x", "Access denied when "]
    for start in starts:
        text = ("Role with arn: " + start * 65_536)[:65_536]
        started = time.process_time()
        cause_of(error(text), [cause])
        assert time.process_time() - started < 2

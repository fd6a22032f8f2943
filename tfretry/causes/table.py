"""The known errors: those that waiting resolves, and those that are never retried. A table of data."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tfretry.causes.patterns import compiled
from tfretry.terraform import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A kind of error that waiting resolves; *sentence* names it in messages.

    *remedy*: advice for a user whose error waiting does not resolve. *spared*: text in which NEVER finds nothing while
    the cause is enabled. *in_all*: whether `--cause all` enables it. *custom*: whether it is the user's own.
    """

    name: str
    patterns: tuple[re.Pattern[str], ...]
    sentence: str
    resolved_by: str
    why: str
    sources: tuple[str, ...]
    remedy: str = ""
    spared: re.Pattern[str] | None = None
    in_all: bool = True
    custom: bool = False


AWS_PROVIDER = "https://github.com/hashicorp/terraform-provider-aws/issues"
CODEBUILD = re.compile(r"CodeBuild is not authorized to perform: sts:AssumeRole")
ECS_REMEDY = """\
If the role is missing, create it once: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com
or with terraform; the import block is for a role that exists already, since it cannot be created twice:
    resource "aws_iam_service_linked_role" "ecs" {
      aws_service_name = "ecs.amazonaws.com"
    }
    import {
      to = aws_iam_service_linked_role.ecs
      id = "arn:aws:iam::ACCOUNT_ID:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    }"""

# The text is unwrapped before it is matched: each run of white space is one blank. Names of roles and ARNs hold no
# blank; their length is bounded, so that no text makes a search slow.
TABLE = (
    Cause(
        name="ecs-service-linked-role",
        patterns=(re.compile(r"Unable to assume the service linked role"),),
        sentence="the ECS service-linked role cannot be assumed yet",
        resolved_by="waiting: 2 to 60 s as a rule, 15 minutes at worst",
        why="AWS creates AWSServiceRoleForECS with an account's first cluster or service; it takes time to propagate",
        sources=("https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818",),
        remedy=ECS_REMEDY,
    ),
    Cause(
        name="ecs-role-missing",
        patterns=(
            re.compile(
                r"ECS Service Linked Role does not exist\. "
                r"Please create a Service linked role for ECS and try again"
            ),
        ),
        sentence="the ECS service-linked role does not exist yet",
        resolved_by="waiting, if something else in the same apply creates the role; otherwise creating it once",
        why="a capacity provider needs the role, but unlike a cluster or a service does not create it",
        sources=(f"{AWS_PROVIDER}/19977",),
        remedy=ECS_REMEDY,
    ),
    Cause(
        name="service-linked-roles",
        patterns=(
            re.compile(r"you must enable a service-linked role to give Amazon (?:ES|OpenSearch Service) permissions"),
            re.compile(r"Access denied when attempting to assume role \S{0,600}?/AWSServiceRoleForAutoScaling"),
            re.compile(r"Unable to assume IAM role: \S{0,600}?/AWSServiceRoleFor"),
            re.compile(r"Role with arn: \S{0,600}?/aws-service-role/\S{0,600}?, could not be assumed"),
            re.compile(
                r"Verify that you have permission to create service linked role\. "
                r"Otherwise wait and try again later"
            ),
        ),
        sentence="a service-linked role cannot be assumed yet",
        resolved_by="waiting, once the role has been created",
        why="a role that AWS or the same apply has just created propagates in seconds to minutes",
        sources=("https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html",),
    ),
    Cause(
        name="iam-propagation",
        patterns=(
            re.compile(r"The role defined for the function cannot be assumed by Lambda"),
            re.compile(
                r"Role with arn: \S{0,600}?, could not be assumed because it does not exist "
                r"or the trusted entity is not correct"
            ),
            re.compile(r"Unable to assume role and validate the specified targetGroupArn"),
            re.compile(r"Invalid IAM Instance Profile name"),
            re.compile(r"iamInstanceProfile\.name is invalid"),
            re.compile(r"Unable to assume role for arn"),
            re.compile(r"Unable to assume IAM role"),
            # ECS, also through Cloud Control: a service with volumes, a capacity provider with managed instances.
            re.compile(r"(?i)unable to assume the (?:configured )?(?:ECS )?infrastructure role"),
            re.compile(r"Unable to assume role and validate the listeners configured on your load balancer"),
            re.compile(r"Policy contains a statement with one or more invalid principals"),
            re.compile(r"IAM role ARN value is invalid or does not include the required permissions"),
            CODEBUILD,
        ),
        spared=CODEBUILD,
        sentence="a new IAM role or instance profile is not known to every AWS service yet",
        resolved_by="waiting",
        why="IAM is eventually consistent: some services do not see a new role yet",
        sources=(
            f"{AWS_PROVIDER}/8248",
            f"{AWS_PROVIDER}/38538",
            "https://github.com/hashicorp/terraform/issues/2880",
            f"{AWS_PROVIDER}/7646",
            f"{AWS_PROVIDER}/5409",
            f"{AWS_PROVIDER}/4238",
        ),
    ),
    Cause(
        name="throttling",
        patterns=(
            re.compile(r"\bRate exceeded\b"),
            re.compile(r"\bThrottlingException\b"),
            re.compile(r"\bRequestLimitExceeded\b"),
            re.compile(r"\bTooManyRequestsException\b"),
            re.compile(r"\bSlowDown\b"),
            re.compile(r"\b429 Too Many Requests\b"),
            # SSM and CloudWatch change a parameter or an alarm once at a time.
            re.compile(r"\bTooManyUpdates\b"),
            re.compile(r"request to update this alarm is in progress"),
        ),
        sentence="AWS limits the rate of requests",
        resolved_by="waiting; a lower -parallelism makes it less frequent",
        why="AWS limits the requests of an account per second, and the provider has used up its own retries",
        sources=(
            f"{AWS_PROVIDER}/5171",
            f"{AWS_PROVIDER}/2942",
            f"{AWS_PROVIDER}/422",
            "https://github.com/gruntwork-io/terragrunt/blob/v0.45.0/options/auto_retry_options.go",
        ),
    ),
    Cause(
        name="network",
        patterns=(
            re.compile(r"\bTLS handshake timeout\b"),
            re.compile(r"\bconnection reset by peer\b"),
            re.compile(r"\bi/o timeout\b"),
            re.compile(r"\bno such host\b"),
            re.compile(r"\bClient\.Timeout exceeded while awaiting headers"),
            re.compile(r"(?i)\b50[234] (?:Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out)\b"),
            re.compile(r"(?i)\bstatus ?code: 50[234]\b"),
        ),
        sentence="the network failed; the request may have been carried out, so a retry may create an object twice",
        resolved_by="waiting, if the server can be reached again",
        why="the connection ended, perhaps after the request had been carried out: then a retry may create an object "
        "twice",
        sources=(
            f"{AWS_PROVIDER}/10715",
            "https://github.com/gruntwork-io/terragrunt/blob/v0.45.0/options/auto_retry_options.go",
        ),
        in_all=False,
    ),
)

# An error with one of these is not retried for a built-in cause: it would fail again, or a person must decide first. A
# user's own pattern overrides them.
NEVER = (
    re.compile(r"You cannot specify an IAM role for services that require a service linked role"),
    re.compile(r"not authorized to perform"),
    re.compile(r"has been taken in this account"),
    messages.STATE_LOCK,
    re.compile(r"execution halted"),
)
# A user's own pattern does not override these: a saved plan is applied once, and a `no` at the prompt is no error
# (without colour, an error that a warning quotes looks like one).
NEVER_AT_ALL = (messages.PLAN_REFUSED, re.compile(rf"\b{re.escape(messages.APPLY_CANCELLED)}"))


def custom_cause(name: str, pattern: str, why: str) -> Cause:
    """Return a cause of the user's own. Raises ValueError, with a sentence, for a bad *pattern*."""
    return Cause(
        name=name,
        patterns=(compiled(pattern),),
        sentence=why,
        resolved_by="waiting, as you have configured",
        why=why,
        sources=("yours",),
        custom=True,
    )

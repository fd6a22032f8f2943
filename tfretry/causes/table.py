"""The errors that heal by waiting and those that never do: a table of data."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A kind of error that heals by waiting; *sentence* names it in messages, *custom* says that it is the user's.

    *remedy* says what to do where waiting does not heal it.
    """

    name: str
    patterns: tuple[re.Pattern[str], ...]
    sentence: str
    heals: str
    why: str
    source: str
    remedy: str = ""
    default: bool = False
    custom: bool = False


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

# Text is unwrapped before it is matched: one space where there was any white space. Names of roles and ARNs hold no
# space; their length is bounded so that no text makes a search slow.
TABLE = (
    Cause(
        name="ecs-service-linked-role",
        patterns=(re.compile(r"Unable to assume the service linked role"),),
        sentence="the ECS service-linked role cannot be assumed yet",
        heals="waiting: 2 to 60 s as a rule, 15 minutes at worst",
        why="AWS creates AWSServiceRoleForECS with an account's first cluster or service, and it takes time to spread",
        source="https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818",
        remedy=ECS_REMEDY,
        default=True,
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
        heals="waiting, if something else in the same apply creates the role; otherwise creating it once",
        why="a capacity provider needs the role, but unlike a cluster or a service does not create it",
        source="https://github.com/hashicorp/terraform-provider-aws/issues/19977",
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
        heals="waiting, once the role has been created",
        why="roles that AWS or the same apply has just created spread in seconds to minutes",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html",
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
        ),
        sentence="a new IAM role or instance profile is not known everywhere yet",
        heals="waiting",
        why="IAM is eventually consistent: what was created a moment ago is not yet seen by every service",
        source="https://github.com/hashicorp/terraform-provider-aws/issues/8248",
    ),
)

# Whatever is enabled, none of these is retried: it would fail again, or somebody must decide first.
NEVER = tuple(
    re.compile(pattern)
    for pattern in (
        r"You cannot specify an IAM role for services that require a service linked role",
        r"not authorized to perform",
        r"has been taken in this account",
        r"the state lock|Error locking state",
        r"execution halted",
        r"Saved plan is stale|plan file can no longer be applied",
    )
)


def custom_cause(name: str, pattern: str, why: str) -> Cause:
    """A cause of the user's own; ValueError, with a sentence, for a regular expression that is none."""
    if not pattern:
        raise ValueError(f"the pattern of {name!r} is empty: it would match every error")
    try:
        with warnings.catch_warnings():
            # Python warns of what means something else in other dialects, such as [[:alpha:]].
            warnings.simplefilter("error")
            compiled = re.compile(pattern)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return Cause(
        name=name,
        patterns=(compiled,),
        sentence=why,
        heals="waiting, as you say",
        why=why,
        source="yours",
        custom=True,
    )

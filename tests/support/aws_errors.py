"""Messages of AWS: the error that tfretry retries by default, and one that it never retries."""

from __future__ import annotations

SENTENCE = "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
AWS = f"creating ECS Service (nginx): operation error ECS: CreateService, InvalidParameterException: {SENTENCE}"
ACCESS_DENIED = (
    "AccessDeniedException: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecs:CreateService"
)
# Commands that fail as the AWS CLI does.
CLI_FAILS = (
    "echo 'An error occurred (InvalidParameterException) when calling the CreateService operation: "
    f"{SENTENCE}' >&2; exit 254"
)
CLI_IS_DENIED = "echo 'AccessDeniedException: not yours' >&2; exit 254"

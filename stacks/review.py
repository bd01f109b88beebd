"""cdk-nag's findings that were looked at and stay, each with its reason where the finding is made."""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnElement, Stack, Token, Validations
from aws_cdk import aws_s3 as s3
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding (``AwsSolutions-S1``; IAM4 and IAM5 with their detail in brackets) on one construct."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def reported_arn(bucket: s3.Bucket, *, seen_from: IConstruct) -> str:
    """A bucket's ARN as a finding about ``seen_from`` writes it: by logical id, or as what the other stack imports."""
    owner = Stack.of(bucket)
    if owner.node.path == Stack.of(seen_from).node.path:
        resource: CfnElement = bucket.node.default_child  # type: ignore[assignment]
        return f"<{owner.resolve(resource.logical_id)}.Arn>"
    imported: dict[str, str] = owner.resolve(owner.export_value(bucket.bucket_arn))
    return imported["Fn::ImportValue"]


def acknowledge_wildcard(construct: IConstruct, arn: str, reason: str) -> None:
    """Accept the ``*`` in one resource of a role's rights."""
    stack = Stack.of(construct)
    pseudo = {"Partition": stack.partition, "Region": stack.region, "AccountId": stack.account}
    for name, value in pseudo.items():
        if Token.is_unresolved(value):
            arn = arn.replace(value, f"<AWS::{name}>")
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{arn}]", reason)

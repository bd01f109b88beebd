"""What functions may do with kept answers: items of one table, and objects below one folder of one bucket."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from stacks.review import acknowledge, reported_arn

FOLDER = "answers"
WATCHES = "watch"
"""What the keys begin with of what an arriving document is compared with."""


def allow_caching(role: iam.Role, *, table: dynamodb.Table, bodies: s3.Bucket) -> None:
    """Look, take a lease, keep, drop, and find one owner's answers to end them; never list the table."""
    items = ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    _allow(role, [f"dynamodb:{item}" for item in items], table.table_arn)
    _allow(role, ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], bodies.arn_for_objects(f"{FOLDER}/*"))
    acknowledge(
        role,
        f"AwsSolutions-IAM5[Resource::{reported_arn(bodies, seen_from=role)}/{FOLDER}/*]",
        "an answer's object is named by its key, so it is not known here; folder and bucket are named exactly",
    )
    # Listing: without it an object that is gone looks like one that may not be read.
    _allow(role, ["s3:ListBucket"], bodies.bucket_arn)


def allow_ending(role: iam.Role, *, table: dynamodb.Table) -> None:
    """Whoever changes documents marks them, which ends the answers that rest on them, and ends those that a new one
    would now be found for: their watches are read, and no answer.
    """
    _allow(role, ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"], table.table_arn)
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["dynamodb:Query"],
            resources=[table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{WATCHES}#*"]}},
        )
    )


def _allow(role: iam.Role, actions: list[str], resource: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

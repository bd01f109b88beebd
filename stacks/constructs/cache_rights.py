"""What functions may do with kept answers: items of one table, and objects below one folder of one bucket."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from stacks.review import acknowledge, reported_arn

FOLDER = "answers"
WATCHES, MARKS = "watch", "mark"
"""What the keys begin with of what an arriving document is compared with, and of what ends answers."""
PLANS = "precompute"


def allow_caching(role: iam.Role, *, table: dynamodb.Table, bodies: s3.Bucket) -> None:
    """Look, take a lease, keep, drop, and find one owner's answers to end them; never list the table."""
    items = ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    _allow(role, [f"dynamodb:{item}" for item in items], table.table_arn)
    _allow_objects(role, ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], bodies, FOLDER)
    # Listing: without it an object that is gone looks like one that may not be read.
    _allow(role, ["s3:ListBucket"], bodies.bucket_arn)


def allow_ending(role: iam.Role, *, table: dynamodb.Table) -> None:
    """Whoever changes documents marks them, which ends the answers that rest on them, and ends those that a new one
    would now be found for: their watches are read, and no answer.
    """
    _allow(role, ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"], table.table_arn)
    for action, keys in (("dynamodb:Query", WATCHES), ("dynamodb:BatchGetItem", MARKS)):
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[action],
                resources=[table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{keys}#*"]}},
            )
        )


def allow_planning(role: iam.Role, *, table: dynamodb.Table, bodies: s3.Bucket) -> None:
    """Read what was counted, note runs, write their plans and take the last one again."""
    _allow(role, [f"dynamodb:{item}" for item in ("GetItem", "PutItem", "Query")], table.table_arn)
    _allow_objects(role, ["s3:GetObject", "s3:PutObject"], bodies, PLANS)
    _allow(role, ["s3:ListBucket"], bodies.bucket_arn)


def allow_reading_plans(role: iam.Role, *, bodies: s3.Bucket) -> None:
    """Line by line, as a run goes through them."""
    _allow_objects(role, ["s3:GetObject"], bodies, PLANS)


def allow_reading_runs(role: iam.Role, *, table: dynamodb.Table) -> None:
    """What runs did."""
    _allow(role, ["dynamodb:GetItem", "dynamodb:Query"], table.table_arn)


def _allow_objects(role: iam.Role, actions: list[str], bodies: s3.Bucket, folder: str) -> None:
    _allow(role, actions, bodies.arn_for_objects(f"{folder}/*"))
    acknowledge(
        role,
        f"AwsSolutions-IAM5[Resource::{reported_arn(bodies, seen_from=role)}/{folder}/*]",
        "objects are named by an answer's key or by a run, so not known here; folder and bucket are named exactly",
    )


def _allow(role: iam.Role, actions: list[str], resource: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))

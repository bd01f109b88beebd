"""A DynamoDB table in this project's one layout."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

PARTITION_KEY, SORT_KEY, TTL_ATTRIBUTE = "pk", "sk", "ttl_s"


class ItemTable(Construct):
    """``table``: keys ``pk`` and ``sk``, both text; billed by request; restorable to any second of the last 35 days.

    ``ttl_s`` holds the Unix time (s) after which DynamoDB may drop an item, within days.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        encryption_key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        encryption = dynamodb.TableEncryption
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=PARTITION_KEY, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=SORT_KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=TTL_ATTRIBUTE,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=encryption.CUSTOMER_MANAGED if encryption_key else encryption.AWS_MANAGED,
            encryption_key=encryption_key,
            removal_policy=removal_policy,
        )

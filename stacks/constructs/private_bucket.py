"""An S3 bucket as all of this project are: private, encrypted, over TLS alone."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.review import acknowledge


class PrivateBucket(Construct):
    """``bucket``. ``tells_events``: EventBridge hears of its objects; ``unlogged``: why its reads are on no record."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey | None,
        removal_policy: RemovalPolicy,
        lifecycle_rules: Sequence[s3.LifecycleRule],
        unlogged: str,
        tells_events: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Default",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            encryption=s3.BucketEncryption.KMS if encryption_key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=encryption_key,
            bucket_key_enabled=True if encryption_key else None,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=list(lifecycle_rules),
            removal_policy=removal_policy,
        )
        if tells_events:
            # The CDK's own switch is a custom resource with a function and a wildcard; CloudFormation has the property.
            bucket: s3.CfnBucket = self.bucket.node.default_child  # type: ignore[assignment]
            bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            )
        acknowledge(self.bucket, "AwsSolutions-S1", unlogged)

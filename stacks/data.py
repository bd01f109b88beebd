"""What outlives a deployment of the gateway: tables, bucket, and the pepper of the keys' hashes."""

from __future__ import annotations

from aws_cdk import Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.item_table import ItemTable
from stacks.constructs.private_bucket import PrivateBucket
from stacks.review import acknowledge
from stacks.settings import DeploySettings

UNFINISHED_UPLOAD_DAYS, OBJECT_DAYS = 1, 30


class DataStack(Stack):
    """``keys`` and ``state`` tables, ``answers`` where they are kept, ``bodies`` bucket, ``pepper`` secret;
    ``encryption_key`` where it is ours.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploySettings, env: Environment | None = None
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Slipstream: keys, learnt state, stored bodies")
        keep = settings.retain_data and not settings.is_local
        removal = RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY
        self.encryption_key: kms.Key | None = None
        if settings.encryption == "customer":
            self.encryption_key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal)
        self.keys = self._table("Keys", removal)
        self.state = self._table("State", removal)
        self.answers = self._table("Answers", removal) if settings.cache == "on" else None
        self.bodies = self._bucket(removal)
        self.pepper = secretsmanager.Secret(
            self,
            "Pepper",
            description="Keys the hashes of API keys: whoever has the table alone cannot test guesses",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            encryption_key=self.encryption_key,
            removal_policy=removal,
        )
        acknowledge(
            self.pepper,
            "AwsSolutions-SMG4",
            "a new pepper would void every key that was handed out; it is rotated by issuing new keys",
        )

    def allow_decryption(self, role: iam.Role) -> None:
        """A key of one's own has to be usable by whoever reads or writes what it encrypts."""
        if self.encryption_key:
            actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[self.encryption_key.key_arn]))

    def _table(self, name: str, removal: RemovalPolicy) -> dynamodb.Table:
        return ItemTable(self, name, encryption_key=self.encryption_key, removal_policy=removal).table

    def _bucket(self, removal: RemovalPolicy) -> s3.Bucket:
        return PrivateBucket(
            self,
            "Bodies",
            encryption_key=self.encryption_key,
            removal_policy=removal,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(UNFINISHED_UPLOAD_DAYS),
                    expiration=Duration.days(OBJECT_DAYS),
                )
            ],
            unlogged="holds bodies that expire; who wants every read on record turns on CloudTrail's data events",
        ).bucket

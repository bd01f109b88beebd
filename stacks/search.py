"""Retrieval's own: the OpenSearch domain with its alarms, the documents bucket, and what loads it."""

from __future__ import annotations

import json
from dataclasses import replace

from aws_cdk import CfnOutput, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from constructs import Construct

from slipstream.aws.search_setup import Wanted
from slipstream.models.catalogue import load
from stacks.constructs.alarm_topic import AlarmTopic
from stacks.constructs.bundle import Bundle
from stacks.constructs.cache_rights import allow_ending
from stacks.constructs.model_access import ModelAccess
from stacks.constructs.object_queue import ObjectQueue
from stacks.constructs.private_bucket import PrivateBucket
from stacks.constructs.python_function import FunctionSettings, Network, PythonFunction
from stacks.constructs.search_alarms import SearchAlarms
from stacks.constructs.search_domain import SIZES, ZONES, DomainAccess, DomainSize, SearchDomain, domain_arn
from stacks.constructs.search_logs import SearchLogs
from stacks.constructs.search_rights import allow_loading
from stacks.constructs.search_setup import SearchSetup
from stacks.constructs.target import Target
from stacks.data import DataStack
from stacks.log_retention import retention
from stacks.network import existing_vpc, one_subnet_a_zone
from stacks.review import acknowledge, reported_arn
from stacks.settings import DeploySettings

INGEST_MEMORY_MB, INGEST_TIMEOUT_S = 1769, 300
"""The memory that comes with one whole processor: parsing keeps it busy."""
SETUP_MEMORY_MB, SETUP_TIMEOUT_S = 512, 600
BATCH = 10
WRITERS = "indexes", "ingest"
UNFINISHED_UPLOAD_DAYS = 1


class SearchStack(Stack):
    """``domain_arn``, ``network`` and the two environments are what another stack's function needs to use the domain.

    Outputs: SearchEndpoint, DocumentsBucket, IngestQueue, DeadLetterQueue, AlarmTopic.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploySettings,
        data: DataStack,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Slipstream: search domain and documents")
        self._settings, self._data = settings, data
        self._readers = ("chat", "fill") if settings.precomputes else ("chat",)
        self._target = Target.local() if settings.is_local else Target.cloud(settings.architecture)
        self._bundle = Bundle("ingest", self._target)
        name = f"slipstream-{settings.stage}"
        self.domain_arn = domain_arn(self, name)
        self.network = self._network()
        self.size = _size(settings)
        self.domain = self._domain(name, self.size)
        self._setup()
        self.documents = self._documents()
        self.queue = ObjectQueue(self, "Objects", bucket=self.documents, work_timeout_s=INGEST_TIMEOUT_S)
        self.searching_environment = {"SLIPSTREAM_SEARCH_ENDPOINT": self.domain.endpoint}
        self.loading_environment = {
            **self.searching_environment,
            "SLIPSTREAM_ALIASES": json.dumps(settings.aliases, sort_keys=True),
            "SLIPSTREAM_METRICS_NAMESPACE": settings.metrics_namespace,
            "SLIPSTREAM_STATE_TABLE": data.state.table_name,
            "SLIPSTREAM_DOCUMENTS_BUCKET": self.documents.bucket_name,
            "SLIPSTREAM_INGEST_QUEUE_URL": self.queue.queue.queue_url,
            "SLIPSTREAM_DEAD_LETTER_QUEUE_URL": self.queue.dead_letters.queue_url,
            **({"SLIPSTREAM_CACHE": "on", "SLIPSTREAM_CACHE_TABLE": data.answers.table_name} if data.answers else {}),
        }
        self.ingest = self._ingest()
        self.alarms = AlarmTopic(self, "Alarms", email=settings.alarm_email).topic
        SearchAlarms(
            self,
            "SearchAlarms",
            domain_name=name,
            size=self.size,
            dead_letters=self.queue.dead_letters.metric_approximate_number_of_messages_visible(),
            topic=self.alarms,
        )
        self._tell(self.alarms.topic_arn)

    def _tell(self, topic_arn: str) -> None:
        for output, value in {
            "SearchEndpoint": self.domain.endpoint,
            "DocumentsBucket": self.documents.bucket_name,
            "IngestQueue": self.queue.queue.queue_url,
            "DeadLetterQueue": self.queue.dead_letters.queue_url,
            "AlarmTopic": topic_arn,
        }.items():
            CfnOutput(self, output, value=value)

    def role_name(self, function: str) -> str:
        """Of a function that may call the domain: the domain's policy names it before it exists."""
        return f"slipstream-{self._settings.stage}-{function}-{self.region}"

    def allow_sources(self, role: iam.Role) -> None:
        """Reading documents, and calling the embedding models among those that the deployment may call."""
        # Listing: without it an object that is gone looks like one that may not be read.
        role.add_to_policy(iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.documents.bucket_arn]))
        objects = self.documents.arn_for_objects("*")
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[objects]))
        reported = reported_arn(self.documents, seen_from=role)
        acknowledge(
            role, f"AwsSolutions-IAM5[Resource::{reported}/*]", "the documents of this one bucket are what is loaded"
        )
        embedding = tuple(m for m in self._settings.callable_models if (f := load().find(m)) and f.kind == "embedding")
        ModelAccess(role, "Models", role=role, models=embedding, mantle_project=None)
        if self._data.answers:
            allow_ending(role, table=self._data.answers)
        self._data.allow_decryption(role)

    def _role_arns(self, functions: tuple[str, ...]) -> tuple[str, ...]:
        prefix = f"arn:{self.partition}:iam::{self.account}:role"
        return tuple(f"{prefix}/{self.role_name(each)}" for each in functions)

    def _network(self) -> Network | None:
        """Where functions that call the domain run: the domain takes connections from their group alone."""
        vpc = existing_vpc(self, self._settings)
        if vpc is None:
            return None
        return Network(
            vpc, ec2.SecurityGroup(self, "Callers", vpc=vpc, description="Functions that call the search domain")
        )

    def _domain(self, name: str, size: DomainSize) -> SearchDomain:
        chosen = self._settings
        (master,) = self._role_arns(("setup",))
        access = DomainAccess(
            callers=(*self._role_arns((*self._readers, *WRITERS)), master),
            master=master if chosen.search_fine_grained else None,
        )
        if self.network and self.network.security_group:
            group = ec2.SecurityGroup(
                self, "Domain443", vpc=self.network.vpc, description="The search domain", allow_all_outbound=False
            )
            group.add_ingress_rule(self.network.security_group, ec2.Port.HTTPS, "Functions that call the domain")
            subnets = one_subnet_a_zone(chosen, ZONES if size.nodes > 1 else 1)
            access = replace(access, subnets=tuple(subnets), security_groups=(group.security_group_id,))
        keep = chosen.retain_data and chosen.search == "prod" and not chosen.is_local
        key = self._data.encryption_key
        return SearchDomain(
            self,
            "Search",
            name=name,
            size=size,
            access=access,
            logs=SearchLogs(self, "Logs", retention=retention(chosen), fine_grained=chosen.search_fine_grained),
            kms_key_id=key.key_id if key else None,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )

    def _setup(self) -> None:
        chosen = self._settings
        fine = chosen.search_fine_grained
        wanted = Wanted(
            slow_log_s=chosen.search_slow_log_s,
            readers=self._role_arns(self._readers) if fine else (),
            writers=self._role_arns(WRITERS) if fine else (),
        )
        setup = SearchSetup(
            self,
            "Setup",
            bundle=self._bundle,
            wanted=wanted,
            domain_arn=self.domain_arn,
            endpoint=self.domain.endpoint,
            settings=self.function_settings("setup", SETUP_MEMORY_MB, SETUP_TIMEOUT_S),
            network=self.network,
        )
        self.domain.domain.node.add_dependency(setup.function.role.node.default_child)

    def function_settings(self, function: str, memory_mb: int, timeout_s: int) -> FunctionSettings:
        """Of a buffered function that may call the domain."""
        return FunctionSettings(
            memory_mb=memory_mb,
            timeout_s=timeout_s,
            architecture=self._target.architecture,
            log_retention=retention(self._settings),
            role_name=self.role_name(function),
        )

    def _documents(self) -> s3.Bucket:
        keep = self._settings.retain_data and not self._settings.is_local
        return PrivateBucket(
            self,
            "Documents",
            encryption_key=self._data.encryption_key,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(UNFINISHED_UPLOAD_DAYS))
            ],
            unlogged="read by the functions that load it; who wants reads on record turns on CloudTrail's data events",
            tells_events=True,
        ).bucket

    def _ingest(self) -> PythonFunction:
        function = PythonFunction(
            self,
            "Ingest",
            bundle=self._bundle,
            handler="handlers.ingest.handler",
            description="Slipstream: loads documents from the bucket into their index",
            environment=self.loading_environment,
            settings=self.function_settings("ingest", INGEST_MEMORY_MB, INGEST_TIMEOUT_S),
            network=self.network,
        )
        allow_loading(function.role, self.domain_arn)
        self.allow_sources(function.role)
        dead, table = self.queue.dead_letters.queue_arn, self._data.state.table_arn
        function.role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead]))
        failures = ["dynamodb:PutItem", "dynamodb:DeleteItem"]
        function.role.add_to_policy(iam.PolicyStatement(actions=failures, resources=[table]))
        function.alias.add_event_source(
            event_sources.SqsEventSource(
                self.queue.queue,
                batch_size=BATCH,
                report_batch_item_failures=True,
                max_concurrency=self._settings.ingest_concurrency,
            )
        )
        return function


def _size(settings: DeploySettings) -> DomainSize:
    usual = SIZES[settings.search]
    return replace(
        usual,
        instance=settings.search_instance or usual.instance,
        volume_gb=settings.search_volume_gb or usual.volume_gb,
    )

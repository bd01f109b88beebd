"""What takes requests: REST API, authorizer, chat function, administration of keys and indexes."""

from __future__ import annotations

from aws_cdk import CfnOutput, Environment, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.answering import Answering, caching_environment
from stacks.constructs.access_log import AccessLog
from stacks.constructs.api_domain import ApiDomain
from stacks.constructs.bundle import Bundle
from stacks.constructs.cache_rights import allow_reading_runs
from stacks.constructs.fill_machine import UNNAMED_RUNS, execution_arn, machine_arn, machine_name
from stacks.constructs.gateway_responses import GatewayResponses
from stacks.constructs.key_authorizer import KeyAuthorizer
from stacks.constructs.python_function import FunctionSettings, PythonFunction
from stacks.constructs.rest_gateway import RestGateway, StageSettings
from stacks.constructs.search_rights import allow_administration
from stacks.constructs.target import Target
from stacks.constructs.web_firewall import WebFirewall
from stacks.data import DataStack
from stacks.log_retention import retention
from stacks.review import acknowledge, acknowledge_wildcard
from stacks.search import SearchStack
from stacks.settings import DeploySettings

ADMIN_MEMORY_MB, ADMIN_TIMEOUT_S = 512, 20
INDEXES_MEMORY_MB, INDEXES_TIMEOUT_S = 1769, 29
"""One whole processor for parsing; as long as API Gateway waits for a buffered answer."""


class GatewayStack(Stack):
    """Outputs: BaseUrl, ApiId, StageName, ChatFunction, AuthorizerFunction, KeysFunction, and with ``search``
    IndexesFunction (names with alias).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploySettings,
        data: DataStack,
        search: SearchStack | None,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Slipstream: a gateway in front of Amazon Bedrock")
        self._settings, self._data, self._search = settings, data, search
        self._target = Target.local() if settings.is_local else Target.cloud(settings.architecture)
        log = AccessLog(self, "AccessLog", retention=retention(settings)) if settings.access_log else None
        self.gateway = RestGateway(self, "Gateway", stage=self._stage_settings(), access_log=log)
        if log is None:
            acknowledge(self.gateway.api, "AwsSolutions-APIG1", "switched off by the setting access_log")
        self.chat = self._chat()
        self.authorizer = self._authorizer()
        self.keys = self._keys()
        self.indexes = self._indexes(search) if search else None
        self.precompute = self._precompute(data.answers) if data.answers and settings.precomputes else None
        key_authorizer = KeyAuthorizer(
            self,
            "KeyAuthorizer",
            function=self.authorizer.alias,
            cache_ttl_s=settings.authorizer_cache_ttl_s,
            accept_x_api_key=settings.accept_x_api_key,
        )
        self.gateway.add_routes(
            chat=self.chat.alias,
            keys=self.keys.alias,
            indexes=self.indexes.alias if self.indexes else None,
            precompute=self.precompute.alias if self.precompute else None,
            authorizer=key_authorizer.authorizer,
        )
        GatewayResponses(self, "Responses", api=self.gateway.api, cors_origin=_error_origin(settings.cors_origins))
        self._add_front()
        self._tell()

    def _stage_settings(self) -> StageSettings:
        chosen = self._settings
        return StageSettings(
            name=chosen.stage,
            timeout_s=chosen.timeout_s,
            throttle_rate=chosen.throttle_rate,
            throttle_burst=chosen.throttle_burst,
            cloudwatch_role=chosen.cloudwatch_role,
            closed=bool(chosen.custom_domain),
        )

    def _chat(self) -> PythonFunction:
        chosen = self._settings
        answering = Answering(self, settings=chosen, data=self._data, search=self._search)
        function = PythonFunction(
            self,
            "Chat",
            bundle=Bundle("chat", self._target),
            handler="handlers.chat.build",
            description="Slipstream: answers",
            environment=answering.environment(),
            settings=FunctionSettings(
                memory_mb=chosen.memory_mb,
                timeout_s=chosen.timeout_s,
                architecture=self._target.architecture,
                streaming_host=chosen.streaming_host,
                provisioned_concurrency=chosen.provisioned_concurrency,
                snap_start=chosen.snap_start,
                log_retention=retention(chosen),
                role_name=answering.role_name("chat"),
            ),
            network=answering.network(),
        )
        answering.allow(function.role)
        return function

    def _authorizer(self) -> PythonFunction:
        function = self._admin_function(
            "Authorizer", "handlers.authorizer.handler", {"SLIPSTREAM_REMEMBER_KEYS_S": self._remembered_s()}
        )
        self._grant(function, self._data.keys.table_arn, "dynamodb:GetItem")
        return function

    def _remembered_s(self) -> str:
        """For how long the authorizer itself believes a checked key: where API Gateway cannot."""
        return str(self._settings.authorizer_cache_ttl_s if self._settings.accept_x_api_key else 0)

    def _keys(self) -> PythonFunction:
        api_id, stage = self.gateway.api.rest_api_id, self._settings.stage
        origins = ",".join(self._settings.cors_origins)
        function = self._admin_function(
            "Keys",
            "handlers.keys.handler",
            {
                "SLIPSTREAM_API_ID": api_id,
                "SLIPSTREAM_API_STAGE": stage,
                "SLIPSTREAM_CORS_ORIGINS": origins,
                "SLIPSTREAM_BELIEVE_KEYS_S": str(self._settings.authorizer_cache_ttl_s),
                "SLIPSTREAM_REMEMBER_KEYS_S": self._remembered_s(),
            },
        )
        self._grant(
            function,
            self._data.keys.table_arn,
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:Query",
        )
        cache = f"/restapis/{api_id}/stages/{stage}/cache/authorizers"
        self._grant(function, f"arn:{self.partition}:apigateway:{self.region}::{cache}", "apigateway:DELETE")
        return function

    def _indexes(self, search: SearchStack) -> PythonFunction:
        function = PythonFunction(
            self,
            "Indexes",
            bundle=Bundle("ingest", self._target),
            handler="handlers.indexes.handler",
            description="Slipstream: indexes",
            environment={
                **search.loading_environment,
                "SLIPSTREAM_CORS_ORIGINS": ",".join(self._settings.cors_origins),
                "SLIPSTREAM_INDEX_REPLICAS": str(search.size.replicas),
            },
            settings=search.function_settings("indexes", INDEXES_MEMORY_MB, INDEXES_TIMEOUT_S),
            network=search.network,
        )
        allow_administration(function.role, search.domain_arn)
        search.allow_sources(function.role)
        # A replay takes what was given up out of one queue and puts it into the other.
        queues = search.queue
        self._grant(function, queues.queue.queue_arn, "sqs:SendMessage")
        again = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility")
        self._grant(function, queues.dead_letters.queue_arn, *again)
        self._grant(function, self._data.state.table_arn, "dynamodb:Query")
        return function

    def _precompute(self, answers: dynamodb.Table) -> PythonFunction:
        """Starts runs of a machine that is in another stack, known by its name: neither waits for the other."""
        arn = machine_arn(self, machine_name(self._settings.stage))
        function = PythonFunction(
            self,
            "Precompute",
            bundle=Bundle("admin", self._target),
            handler="handlers.precompute.handler",
            description="Slipstream: runs of answers before the question",
            environment={
                **caching_environment(self._settings, self._data),
                "SLIPSTREAM_PRECOMPUTE_MACHINE_ARN": arn,
                "SLIPSTREAM_CORS_ORIGINS": ",".join(self._settings.cors_origins),
            },
            settings=self._administering(),
        )
        self._grant(function, arn, "states:StartExecution")
        executions = f"{execution_arn(self, machine_name(self._settings.stage))}:*"
        self._grant(function, executions, "states:DescribeExecution")
        acknowledge_wildcard(function.role, executions, UNNAMED_RUNS)
        allow_reading_runs(function.role, table=answers)
        self._data.allow_decryption(function.role)
        return function

    def _administering(self) -> FunctionSettings:
        return FunctionSettings(
            memory_mb=ADMIN_MEMORY_MB,
            timeout_s=ADMIN_TIMEOUT_S,
            architecture=self._target.architecture,
            log_retention=retention(self._settings),
        )

    def _admin_function(self, name: str, handler: str, environment: dict[str, str]) -> PythonFunction:
        """A buffered function that works with keys: it reads the pepper and finds the table in its environment."""
        data = self._data
        function = PythonFunction(
            self,
            name,
            bundle=Bundle("admin", self._target),
            handler=handler,
            description=f"Slipstream: {name.lower()}",
            environment={
                "SLIPSTREAM_KEYS_TABLE": data.keys.table_name,
                "SLIPSTREAM_PEPPER_SECRET_ARN": data.pepper.secret_arn,
                **environment,
            },
            settings=self._administering(),
        )
        self._grant(function, data.pepper.secret_arn, "secretsmanager:GetSecretValue")
        data.allow_decryption(function.role)
        return function

    def _grant(self, function: PythonFunction, resource: str, *actions: str) -> None:
        function.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[resource]))

    def _add_front(self) -> None:
        chosen, stage = self._settings, self.gateway.api.deployment_stage
        if chosen.waf:
            WebFirewall(self, "Firewall", stage_arn=stage.stage_arn, requests_per_5_min=chosen.waf_requests_per_5_min)
        else:
            acknowledge(stage, "AwsSolutions-APIG3", "AWS WAF is a deploy setting: it costs by the request")
        if chosen.custom_domain and chosen.certificate_arn:
            zone = (chosen.hosted_zone_id, chosen.hosted_zone_name)
            ApiDomain(
                self,
                "Domain",
                name=chosen.custom_domain,
                certificate_arn=chosen.certificate_arn,
                stage=stage,
                hosted_zone=(zone[0], zone[1]) if zone[0] and zone[1] else None,
            )

    def _tell(self) -> None:
        domain = self._settings.custom_domain
        for name, value in {
            "BaseUrl": f"https://{domain}/" if domain else self.gateway.api.url,
            "ApiId": self.gateway.api.rest_api_id,
            "StageName": self._settings.stage,
            "ChatFunction": self.chat.alias.function_arn,
            "AuthorizerFunction": self.authorizer.alias.function_arn,
            "KeysFunction": self.keys.alias.function_arn,
            **({"IndexesFunction": self.indexes.alias.function_arn} if self.indexes else {}),
        }.items():
            CfnOutput(self, name, value=value)


def _error_origin(origins: tuple[str, ...]) -> str | None:
    """Origin that may read API Gateway's own errors: these cannot choose one from a list, and hold nothing private."""
    return None if not origins else origins[0] if len(origins) == 1 else "*"

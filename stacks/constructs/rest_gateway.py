"""The REST API: which route goes to which function, in which transfer mode, with or without a key."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.access_log import AccessLog
from stacks.review import acknowledge

STREAMED_ROUTES = ("/v1/{proxy+}", "/model/{proxy+}")
OPEN_ROUTES = ("/healthz",)
KEY_ROUTES = ("/v1/keys", "/v1/keys/{id}")
INDEX_ROUTES = ("/v1/indexes", "/v1/indexes/{proxy+}")
PRECOMPUTE_ROUTES = ("/v1/precompute", "/v1/precompute/{run}")
BINARY_TYPES = (
    "application/octet-stream",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
"""Documents that are no text: API Gateway would take them for it and spoil them."""
_OWN_AUTHORIZER = "API keys of our own, checked by a Lambda authorizer: callers are programs, not Cognito users"


@dataclass(frozen=True, slots=True)
class StageSettings:
    """``timeout_s``: longest answer; ``throttle_rate``: requests a second; ``closed``: a custom domain alone serves."""

    name: str
    timeout_s: int = 900
    throttle_rate: float = 100
    throttle_burst: int = 200
    cloudwatch_role: bool = True
    closed: bool = False


class RestGateway(Construct):
    """``api``, regional: an edge-optimized one would cut a stream that is silent for 30 s. ``add_routes`` fills it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageSettings,
        access_log: AccessLog | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._timeout = Duration.seconds(stage.timeout_s)
        self.api = apigateway.RestApi(
            self,
            "Api",
            description="Slipstream",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=stage.cloudwatch_role,
            disable_execute_api_endpoint=stage.closed,
            binary_media_types=list(BINARY_TYPES),
            deploy_options=apigateway.StageOptions(
                stage_name=stage.name,
                throttling_rate_limit=stage.throttle_rate,
                throttling_burst_limit=stage.throttle_burst,
                # Execution logs know nothing of streams, but tell why an authorizer or a permission failed.
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,  # it would log prompts
                access_log_destination=access_log.destination if access_log else None,
                access_log_format=access_log.format if access_log else None,
            ),
        )
        acknowledge(
            self.api, "AwsSolutions-APIG2", "the functions validate: their errors name the field, a model's cannot"
        )
        if stage.cloudwatch_role:
            acknowledge(
                self.api,
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AmazonAPIGatewayPushToCloudWatchLogs]",
                "the one policy that API Gateway documents for writing logs; cloudwatch_role=false leaves the role out",
            )

    def add_routes(
        self,
        *,
        chat: lambda_.IFunction,
        keys: lambda_.IFunction,
        indexes: lambda_.IFunction | None,
        precompute: lambda_.IFunction | None,
        authorizer: apigateway.IAuthorizer,
    ) -> None:
        """Connect the routes: answers stream, whole ones too (a buffered integration ends after 29 s)."""
        streamed = self._integration(chat, apigateway.ResponseTransferMode.STREAM)
        routes = dict.fromkeys(STREAMED_ROUTES, streamed)
        for function, paths in ((keys, KEY_ROUTES), (indexes, INDEX_ROUTES), (precompute, PRECOMPUTE_ROUTES)):
            if function:
                buffered = self._integration(function, apigateway.ResponseTransferMode.BUFFERED)
                routes |= dict.fromkeys(paths, buffered)
        for path, integration in routes.items():
            resource = self.api.root.resource_for_path(path)
            method = resource.add_method("ANY", integration, authorizer=authorizer)
            acknowledge(method, "AwsSolutions-COG4", _OWN_AUTHORIZER)
            # A browser's preflight carries no key; the chat function knows the allowed origins.
            self._open(
                resource, "OPTIONS", streamed, "a preflight request carries no key, and answers nothing but CORS"
            )
        for path in OPEN_ROUTES:
            self._open(self.api.root.resource_for_path(path), "ANY", streamed, "says only that the function runs")

    def _open(self, resource: apigateway.Resource, verb: str, integration: apigateway.Integration, reason: str) -> None:
        method = resource.add_method(verb, integration, authorization_type=apigateway.AuthorizationType.NONE)
        acknowledge(method, "AwsSolutions-APIG4", reason)
        acknowledge(method, "AwsSolutions-COG4", reason)

    def _integration(
        self, function: lambda_.IFunction, mode: apigateway.ResponseTransferMode
    ) -> apigateway.LambdaIntegration:
        streams = mode == apigateway.ResponseTransferMode.STREAM
        return apigateway.LambdaIntegration(
            function,
            response_transfer_mode=mode,
            timeout=self._timeout if streams else None,
            allow_test_invoke=False,
            # One permission for the API instead of one a method: a function's policy holds 20 KB.
            scope_permission_to_method=False,
        )

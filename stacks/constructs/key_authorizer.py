"""The REQUEST authorizer that turns an API key into whose it is."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


class KeyAuthorizer(Construct):
    """``authorizer``, for the methods that need a key.

    API Gateway caches an answer under the identity sources, and refuses a request that lacks one of them. With
    ``Authorization`` as the source it caches, and a request with ``x-api-key`` alone gets 401. Without a source it
    takes both but cannot cache: then every request calls the function, which remembers keys itself.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.IFunction,
        cache_ttl_s: int,
        accept_x_api_key: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        sources = [] if accept_x_api_key else [apigateway.IdentitySource.header("Authorization")]
        self.authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=function,
            identity_sources=sources,
            results_cache_ttl=Duration.seconds(0 if accept_x_api_key else cache_ttl_s),
        )

"""The API's access log: who called which route, how it went, how long it took; never a body or a query string."""

from __future__ import annotations

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

FIELDS = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseTransferMode": "$context.integration.responseTransferMode",
    "timeToAllHeaders": "$context.integration.timeToAllHeaders",
    "timeToFirstContent": "$context.integration.timeToFirstContent",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integration.latency",
    "integrationStatus": "$context.integration.status",
    "authorizerLatency": "$context.authorizer.latency",
    "keyId": "$context.authorizer.key_id",
    "tenant": "$context.authorizer.tenant",
    "errorType": "$context.error.responseType",
    "wafStatus": "$context.waf.status",
}
"""Name in the log → API Gateway's variable. Times are ms."""


class AccessLog(Construct):
    """``destination`` and ``format`` for a stage."""

    def __init__(self, scope: Construct, construct_id: str, *, retention: logs.RetentionDays) -> None:
        super().__init__(scope, construct_id)
        self.group = logs.LogGroup(self, "Group", retention=retention, removal_policy=RemovalPolicy.DESTROY)
        self.destination = apigateway.LogGroupLogDestination(self.group)
        self.format = apigateway.AccessLogFormat.custom(json.dumps(FIELDS))

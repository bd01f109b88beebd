"""Where the domain writes its logs: what was slow, what went wrong, and who was refused."""

from __future__ import annotations

from aws_cdk import Names, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_opensearchservice as opensearch
from constructs import Construct

KINDS = ("SEARCH_SLOW_LOGS", "INDEX_SLOW_LOGS", "ES_APPLICATION_LOGS")
AUDIT = "AUDIT_LOGS"
"""Only with fine-grained access."""


class SearchLogs(Construct):
    """``options``, for the domain: a log group a kind, which OpenSearch may write to for this account alone."""

    def __init__(
        self, scope: Construct, construct_id: str, *, retention: logs.RetentionDays, fine_grained: bool
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        groups = {
            kind: logs.LogGroup(self, _words(kind), retention=retention, removal_policy=RemovalPolicy.DESTROY)
            for kind in (*KINDS, *((AUDIT,) if fine_grained else ()))
        }
        writing = iam.PolicyStatement(
            principals=[iam.ServicePrincipal("es.amazonaws.com")],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[group.log_group_arn for group in groups.values()],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        # One policy for all groups: an account has ten in a region.
        logs.CfnResourcePolicy(
            self,
            "Writing",
            policy_name=Names.unique_resource_name(self, max_length=128),
            policy_document=stack.to_json_string(iam.PolicyDocument(statements=[writing]).to_json()),
        )
        self.options = {
            kind: opensearch.CfnDomain.LogPublishingOptionProperty(
                enabled=True, cloud_watch_logs_log_group_arn=group.log_group_arn
            )
            for kind, group in groups.items()
        }


def _words(kind: str) -> str:
    """``SEARCH_SLOW_LOGS`` → ``SearchSlowLogs``."""
    return kind.title().replace("_", "")

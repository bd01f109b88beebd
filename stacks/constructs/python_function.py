"""One Lambda function in Python: bundle, role, log group, version and the alias that callers use."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, Duration, ILocalBundling, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.bundle import LAMBDAS, Bundle
from stacks.constructs.target import Architecture
from stacks.review import acknowledge

StreamingHost = Literal["none", "runtime", "web_adapter"]
WEB_ADAPTER_ACCOUNT = "753240598075"
WEB_ADAPTER_LAYERS: dict[Architecture, str] = {
    "arm64": "LambdaAdapterLayerArm64:27",
    "x86_64": "LambdaAdapterLayerX86:27",
}
ALIAS = "live"


@dataclass(frozen=True, slots=True)
class Network:
    """Where a function's network interfaces are; without a ``security_group`` it gets one of its own."""

    vpc: ec2.IVpc
    security_group: ec2.ISecurityGroup | None = None


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """How a function runs. ``streaming_host``: none (buffered), our loop, or AWS's Web Adapter."""

    memory_mb: int = 512
    timeout_s: int = 30
    architecture: Architecture = "arm64"
    streaming_host: StreamingHost = "none"
    provisioned_concurrency: int | None = None
    snap_start: bool = False
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    role_name: str | None = None
    """Where others name the role before it exists; else it is generated."""


class PythonFunction(Construct):
    """``function``, its ``alias`` "live" (what integrations and callers use) and its ``role``, to which the stack
    that owns a resource grants exact rights. The role starts with its own log group and nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bundle: Bundle,
        handler: str,
        environment: dict[str, str],
        settings: FunctionSettings,
        description: str | None = None,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        if settings.snap_start and settings.provisioned_concurrency:
            raise ValueError(
                "SnapStart excludes provisioned concurrency: choose one of snap_start, provisioned_concurrency"
            )
        self.log_group = logs.LogGroup(
            self, "Logs", retention=settings.log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        self.role = iam.Role(
            self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), role_name=settings.role_name
        )
        self.log_group.grant_write(self.role)
        if network is not None:
            self._allow_network_interfaces()
        self.function = lambda_.Function(
            self,
            "Function",
            code=bundle_code(self, bundle),
            handler="run.sh" if settings.streaming_host == "web_adapter" else handler,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_architecture(settings.architecture),
            memory_size=settings.memory_mb,
            timeout=Duration.seconds(settings.timeout_s),
            environment=environment | self._host_environment(settings.streaming_host),
            role=self.role,
            log_group=self.log_group,
            description=description,
            layers=self._layers(settings),
            vpc=network.vpc if network else None,
            security_groups=[network.security_group] if network and network.security_group else None,
            tracing=lambda_.Tracing.DISABLED,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if settings.snap_start else None,
        )
        acknowledge(self.function, "AwsSolutions-L1", "Python 3.13 is what the bundle is built and tested for")
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name=ALIAS,
            version=self.function.current_version,
            provisioned_concurrent_executions=settings.provisioned_concurrency,
        )

    @staticmethod
    def _host_environment(host: StreamingHost) -> dict[str, str]:
        if host == "runtime":
            return {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/bootstrap.sh"}
        if host == "web_adapter":
            return {
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
                "AWS_LWA_INVOKE_MODE": "response_stream",
                "AWS_LWA_PORT": "8080",
                "AWS_LWA_READINESS_CHECK_PATH": "/healthz",
            }
        return {}

    def _layers(self, settings: FunctionSettings) -> list[lambda_.ILayerVersion] | None:
        if settings.streaming_host != "web_adapter":
            return None
        stack = Stack.of(self)
        layer = f"layer:{WEB_ADAPTER_LAYERS[settings.architecture]}"
        arn = f"arn:{stack.partition}:lambda:{stack.region}:{WEB_ADAPTER_ACCOUNT}:{layer}"
        return [lambda_.LayerVersion.from_layer_version_arn(self, "WebAdapter", arn)]

    def _allow_network_interfaces(self) -> None:
        # EC2 offers no resource-level rights for describing, and the interfaces do not exist yet.
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ec2:CreateNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:DeleteNetworkInterface",
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                resources=["*"],
            )
        )
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "a function in a VPC makes network interfaces that do not exist yet, and EC2's describing actions take no "
            "resource",
        )


def bundle_code(scope: Construct, bundle: Bundle) -> lambda_.Code:
    """The bundle as an asset whose hash is its inputs'. Raises BundleError, unless this synth bundles nothing
    (context ``aws:cdk:bundling-stacks`` empty: the template alone is wanted).
    """
    if Stack.of(scope).bundling_required:
        bundle.build()  # here, so that an error arrives as our own and not through jsii
    return lambda_.Code.from_asset(
        str(LAMBDAS),
        asset_hash=bundle.digest(),
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(image=DockerImage.from_registry("never-used"), local=_LocalBundling(bundle)),
    )


@jsii.implements(ILocalBundling)
class _LocalBundling:
    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def try_bundle(self, output_dir: str, options: Any = None, **_: Any) -> bool:
        """Copy the finished bundle to where the CDK wants it; called by the CDK."""
        shutil.copytree(self._bundle.build(), Path(output_dir), dirs_exist_ok=True)
        return True


def _architecture(name: Architecture) -> lambda_.Architecture:
    return lambda_.Architecture.ARM_64 if name == "arm64" else lambda_.Architecture.X86_64

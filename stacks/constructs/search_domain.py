"""The OpenSearch domain: its size, its encryption, who may call it, what it logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_opensearchservice as opensearch
from constructs import Construct

from stacks.constructs.search_logs import SearchLogs
from stacks.review import acknowledge

ENGINE = "OpenSearch_2.19"
"""The version that the local engine has, too: what the tests say of one holds for the other."""
ZONES = 3
_Domain = opensearch.CfnDomain


@dataclass(frozen=True, slots=True)
class DomainSize:
    """``instance`` and ``volume_gb`` are of a data node. More than one node are spread over three zones."""

    instance: str
    volume_gb: int
    nodes: int = 1
    master: str | None = None
    """Instance type of three dedicated masters."""

    @property
    def replicas(self) -> int:
        """Copies of each shard beside the first, so that no node that fails takes documents with it."""
        return 1 if self.nodes > 1 else 0


SIZES = {
    "dev": DomainSize("t3.small.search", 10),
    "prod": DomainSize("r6g.large.search", 100, nodes=3, master="m6g.large.search"),
}


@dataclass(frozen=True, slots=True)
class DomainAccess:
    """``callers``: ARNs of the roles that may call the domain; ``master``: of the one that gives the others their
    rights inside it, None where access is not fine-grained. ``subnets`` and ``security_groups`` put it into a VPC.
    """

    callers: tuple[str, ...]
    master: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


class SearchDomain(Construct):
    """``domain`` and ``endpoint`` (its base URL).

    Roles and domain name each other in their policies, so the names on both sides are given and not generated.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        size: DomainSize,
        access: DomainAccess,
        logs: SearchLogs,
        kms_key_id: str | None,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        vpc = _Domain.VPCOptionsProperty(
            subnet_ids=list(access.subnets), security_group_ids=list(access.security_groups)
        )
        self.domain = _Domain(
            self,
            "Domain",
            domain_name=name,
            engine_version=ENGINE,
            cluster_config=_cluster(size),
            ebs_options=_Domain.EBSOptionsProperty(ebs_enabled=True, volume_type="gp3", volume_size=size.volume_gb),
            domain_endpoint_options=_Domain.DomainEndpointOptionsProperty(
                enforce_https=True, tls_security_policy="Policy-Min-TLS-1-2-PFS-2023-10"
            ),
            encryption_at_rest_options=_Domain.EncryptionAtRestOptionsProperty(enabled=True, kms_key_id=kms_key_id),
            node_to_node_encryption_options=_Domain.NodeToNodeEncryptionOptionsProperty(enabled=True),
            access_policies=_policy(self, name, access.callers),
            advanced_security_options=_fine_grained(access.master),
            log_publishing_options=logs.options,
            software_update_options=_Domain.SoftwareUpdateOptionsProperty(auto_software_update_enabled=True),
            off_peak_window_options=_Domain.OffPeakWindowOptionsProperty(enabled=True),
            vpc_options=vpc if access.subnets else None,
        )
        self.domain.apply_removal_policy(removal_policy)
        self.domain.node.add_dependency(logs)
        self.endpoint = f"https://{self.domain.attr_domain_endpoint}"
        self._review(size, access)

    def _review(self, size: DomainSize, access: DomainAccess) -> None:
        acknowledge(self.domain, "AwsSolutions-OS3", "callers are told by their roles, whatever address they come from")
        if not access.subnets:
            acknowledge(self.domain, "AwsSolutions-OS1", "a VPC is a deploy setting; every request is signed")
        if size.nodes == 1:
            acknowledge(self.domain, "AwsSolutions-OS4", "search=dev is one small node, to try things out")
            acknowledge(self.domain, "AwsSolutions-OS7", "search=dev is one small node, to try things out")


def domain_arn(scope: Construct, name: str) -> str:
    """ARN of the domain of that name in the stack's account and region, without asking the domain."""
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:es:{stack.region}:{stack.account}:domain/{name}"


def _cluster(size: DomainSize) -> opensearch.CfnDomain.ClusterConfigProperty:
    spread = size.nodes > 1
    return _Domain.ClusterConfigProperty(
        instance_type=size.instance,
        instance_count=size.nodes,
        dedicated_master_enabled=size.master is not None,
        dedicated_master_type=size.master,
        dedicated_master_count=3 if size.master else None,
        zone_awareness_enabled=spread,
        zone_awareness_config=_Domain.ZoneAwarenessConfigProperty(availability_zone_count=ZONES) if spread else None,
        multi_az_with_standby_enabled=False,  # all three zones answer, none waits
    )


def _policy(scope: Construct, name: str, callers: Sequence[str]) -> iam.PolicyDocument:
    """The account's own rights count, and of its roles only those of ``callers``."""
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                principals=[iam.AccountRootPrincipal()],
                actions=[f"es:ESHttp{verb}" for verb in ("Delete", "Get", "Head", "Post", "Put")],
                resources=[f"{domain_arn(scope, name)}/*"],
                conditions={"ArnEquals": {"aws:PrincipalArn": list(callers)}},
            )
        ]
    )


def _fine_grained(master: str | None) -> opensearch.CfnDomain.AdvancedSecurityOptionsInputProperty | None:
    if master is None:
        return None
    return _Domain.AdvancedSecurityOptionsInputProperty(
        enabled=True,
        internal_user_database_enabled=False,
        master_user_options=_Domain.MasterUserOptionsProperty(master_user_arn=master),
    )

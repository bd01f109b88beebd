"""The VPC that a deployment was told of: described by its settings, never looked up."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.settings import DeploySettings


def existing_vpc(scope: Construct, settings: DeploySettings) -> ec2.IVpc | None:
    """The VPC of ``vpc_id``, with its private subnets; None where the deployment uses none."""
    if settings.vpc_id is None:
        return None
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=settings.vpc_id,
        availability_zones=list(settings.vpc_availability_zones),
        private_subnet_ids=list(settings.vpc_subnet_ids),
    )


def one_subnet_a_zone(settings: DeploySettings, zones: int) -> list[str]:
    """The first subnet of each of the first ``zones`` zones."""
    by_zone: dict[str, str] = {}
    for zone, subnet in zip(settings.vpc_availability_zones, settings.vpc_subnet_ids, strict=True):
        by_zone.setdefault(zone, subnet)
    return list(by_zone.values())[:zones]

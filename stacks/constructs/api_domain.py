"""A host name of one's own for the API."""

from __future__ import annotations

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct


class ApiDomain(Construct):
    """``domain``, mapped to the stage at its root, and its record where a zone is given as (id, name)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        certificate_arn: str,
        stage: apigateway.Stage,
        hosted_zone: tuple[str, str] | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", certificate_arn),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        self.domain.add_base_path_mapping(stage.rest_api, stage=stage)
        if hosted_zone:
            zone_id, zone_name = hosted_zone
            zone = route53.HostedZone.from_hosted_zone_attributes(
                self, "Zone", hosted_zone_id=zone_id, zone_name=zone_name
            )
            target = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(self.domain))
            route53.ARecord(self, "Record", zone=zone, record_name=f"{name}.", target=target)

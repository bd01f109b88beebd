"""cdk-nag's findings that were looked at and stay, each with its reason where the finding is made."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding (``AwsSolutions-S1``; IAM4 and IAM5 with their detail in brackets) on one construct."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))

"""boto3's clients, for what is not on the request path."""

from __future__ import annotations

from typing import Any


def client(service: str, region: str) -> Any:
    """A client; where its service is, the SDK's own variables say (AWS_ENDPOINT_URL)."""
    import boto3

    return boto3.client(service, region_name=region)

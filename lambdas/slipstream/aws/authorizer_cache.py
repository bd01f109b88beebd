"""API Gateway's memory of checked keys, emptied when one is revoked."""

from __future__ import annotations


class StageAuthorizerCache:
    """The authorizer cache of one API stage."""

    def __init__(self, api_id: str, stage: str) -> None:
        self._api_id = api_id
        self._stage = stage

    def flush(self) -> bool:
        """Empty it; False where that failed: what it holds then lives on for the cache time at most."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            boto3.client("apigateway").flush_stage_authorizers_cache(restApiId=self._api_id, stageName=self._stage)
        except (BotoCoreError, ClientError):
            return False
        return True

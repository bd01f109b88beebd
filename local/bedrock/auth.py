"""Who may call: anyone; with ``require_auth`` someone with credentials; with ``check_signatures`` who signed right."""

from __future__ import annotations

import hmac

from aiohttp import web

from local.bedrock import sigv4
from local.bedrock.errors import BedrockError
from local.bedrock.settings import Settings


class Gatekeeper:
    """Checks a request's credentials as far as the settings ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, request: web.Request, body: bytes) -> None:
        """Raise what AWS answers to missing or wrong credentials."""
        if not self._settings.require_auth and not self._settings.check_signatures:
            return
        authorization = request.headers.get("Authorization", "")
        if authorization.startswith("AWS4-HMAC-SHA256 "):
            if self._settings.check_signatures:
                sigv4.verify(request, body, self._settings)
            return
        if authorization.startswith("Bearer ") and authorization[7:].strip():
            expected = self._settings.bearer_token
            if expected is not None and not hmac.compare_digest(authorization[7:].strip().encode(), expected.encode()):
                raise BedrockError(
                    "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
                )
            return
        raise BedrockError("MissingAuthenticationTokenException", "Missing Authentication Token")

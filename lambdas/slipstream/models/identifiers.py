"""Model ids, geographic prefixes and ARNs, taken apart."""

from __future__ import annotations

import msgspec

from slipstream.errors import InvalidRequest

GEOGRAPHIES = frozenset(
    {"us", "eu", "apac", "jp", "au", "ca", "global", "us-gov", "sa", "mx", "il", "me", "af", "uk", "in", "kr", "sg"}
)
"""Prefixes of inference profiles. A provider's name never equals one of them."""

_DIRECT = frozenset({"foundation-model", "inference-profile"})
MAX_LENGTH = 2048
"""Bedrock's own limit for modelId."""


class Arn(msgspec.Struct, frozen=True):
    """``arn:aws:bedrock:{region}:{account}:{kind}/{name}``. ``region`` may be empty: a global model's."""

    region: str
    kind: str
    name: str

    @property
    def names_its_model(self) -> bool:
        """Whether the id stands in the ARN itself, so that nobody need be asked."""
        return self.kind in _DIRECT


def split_geography(model_id: str) -> tuple[str | None, str]:
    """``us.anthropic.x`` → ``("us", "anthropic.x")``; an id without a geographic prefix → ``(None, id)``."""
    head, dot, rest = model_id.partition(".")
    if dot and head in GEOGRAPHIES and "." in rest:
        return head, rest
    return None, model_id


def provider_of(model_id: str) -> str | None:
    """Provider's name in an id without geographic prefix, or None where there is none."""
    head, dot, rest = model_id.partition(".")
    if not dot or not head.isascii() or not head.isalnum() or not rest:
        return None
    plausible = rest.isascii() and all(c.isalnum() or c in "-._:" for c in rest)
    return head if plausible else None


def parse_arn(text: str) -> Arn:
    """Take a Bedrock ARN apart. Raises InvalidRequest that says what one looks like."""
    parts = text.split(":", 5)
    kind, slash, name = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
    if len(parts) < 6 or parts[2] != "bedrock" or not slash or not name or len(text) > MAX_LENGTH:
        raise InvalidRequest(
            "that ARN is not one of a Bedrock model; expected e.g. "
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234",
            param="model",
        )
    if not _may_be_region(parts[3]):
        raise InvalidRequest(
            f"'{parts[3][:40]}' in that ARN is no AWS region; expected e.g. us-east-1 between the third and the fourth "
            "colon",
            param="model",
        )
    return Arn(region=parts[3], kind=kind, name=name)


def region_of(identifier: str) -> str | None:
    """The region that an ARN names; None for everything else. Raises InvalidRequest for what only looks like an ARN."""
    return (parse_arn(identifier).region or None) if identifier.startswith("arn:") else None


def _may_be_region(text: str) -> bool:
    """A caller's text becomes one label of a host name: nothing in it may end that label."""
    return len(text) <= 32 and all("a" <= c <= "z" or "0" <= c <= "9" or c == "-" for c in text)

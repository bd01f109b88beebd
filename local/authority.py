"""The private certificate authority that lets clients speak TLS with the local edge.

botocore refuses to send a bearer key over http, on loopback too; so there has to be a certificate, and somebody whom
the client trusts to have signed it. The authority is made once for a folder and signs for loopback names only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAMES = ("localhost", "127.0.0.1", "::1")
LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=14)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: what clients trust, and what the server shows."""

    ca_bundle: Path
    certificate: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    """The folder's authority and server certificate; made, or made anew when they near their end."""
    found = Certificates(folder / "ca.pem", folder / "edge.pem", folder / "edge.key")
    until = folder / "valid-until"
    try:
        fresh = datetime.fromisoformat(until.read_text()) - RENEW_BEFORE > datetime.now(UTC)
    except (OSError, ValueError):
        fresh = False
    if not fresh or not all(path.exists() for path in (found.ca_bundle, found.certificate, found.key)):
        make(found, until)
    return found


def make(files: Certificates, until: Path) -> None:
    """Make authority and certificate. The authority's own key is not kept: nothing else can be signed with it."""
    import trustme

    expires = datetime.now(UTC) + LIFETIME
    files.key.parent.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Slipstream local stack", organization_unit_name="this machine only")
    server = authority.issue_cert(*NAMES, not_after=expires)
    files.key.unlink(missing_ok=True)
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as key:
        key.write(server.private_key_pem.bytes())
    files.certificate.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    authority.cert_pem.write_to_path(str(files.ca_bundle))
    until.write_text(expires.isoformat())

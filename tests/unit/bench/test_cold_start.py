"""What the cold start's row over https loads: as much as a deployed function does."""

from __future__ import annotations

import ssl
from pathlib import Path

from bench.cold_start import over_tls, own_loop, trusted
from local.authority import certificates


def test_the_function_trusts_all_that_the_system_trusts_and_the_double(tmp_path: Path) -> None:
    system = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if (known := ssl.get_default_verify_paths().cafile) is not None:
        system.load_verify_locations(known)
    authority = certificates(tmp_path).ca_bundle

    context = ssl.create_default_context(cafile=str(trusted(authority, tmp_path / "trusted.pem")))

    assert context.cert_store_stats()["x509_ca"] == system.cert_store_stats()["x509_ca"] + 1


def test_the_row_over_https_differs_from_the_other_in_where_the_model_is_and_whom_to_trust(tmp_path: Path) -> None:
    plain = own_loop(tmp_path, "http://127.0.0.1:1")

    secured = over_tls(plain, "https://127.0.0.1:2", tmp_path / "ca.pem")

    assert dict(secured.environment.items() - plain.environment.items()) == {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://127.0.0.1:2",
        "AWS_CA_BUNDLE": str(tmp_path / "ca.pem"),
    }
    assert secured.task_root == plain.task_root

"""What a client has to know to call a gateway: ``build/local/endpoint.json``, readable by its owner alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Endpoint:
    """``base_url`` is the root over http, ``openai_base_url`` the same with /v1; ``model`` an id that is served.

    ``https_base_url`` and ``ca_bundle`` are for clients that refuse bearer keys over http (boto3).
    """

    base_url: str
    https_base_url: str
    ca_bundle: str
    openai_base_url: str
    api_key: str
    model: str
    opensearch_url: str = ""
    """The search engine itself, without TLS or authentication; empty where there is none."""
    search_engine: str = "none"
    """``url``, ``docker``, ``maven``, ``memory`` (the in-memory double) or ``none``."""

    def write(self, path: Path) -> None:
        """Write the file at once and with mode 0600: it holds a key."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(self), file, indent=2)
            file.write("\n")
        fresh.replace(path)


def read(path: Path) -> Endpoint:
    """Read the file. Raises FileNotFoundError, or ValueError that names what is missing."""
    found = json.loads(path.read_text())
    names = [field.name for field in fields(Endpoint)]
    missing = [name for name in names if not isinstance(found.get(name), str)]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: stop the stack (make down) and start it again (make up)")
    return Endpoint(**{name: found[name] for name in names})

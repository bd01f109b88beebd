"""Lays artifacts out as OpenSearch wants to find them, with the descriptions that its distribution adds."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.opensearch.artifacts import Artifact

DISTRIBUTION = Path(__file__).with_name("distribution.toml")
SETTINGS = """\
cluster.name: slipstream-local
node.name: local
# Read by whoever wants to know whether faiss can be had: without its native library a faiss field halts the server.
node.attr.native_knn: false
network.host: 127.0.0.1
discovery.type: single-node
# A small disk must not turn indexes read-only.
cluster.routing.allocation.disk.threshold_enabled: false
"""
LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1.} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""
ICU_RIGHTS = 'grant codeBase "file:{home}/lib-icu/-" {{\n  permission java.security.AllPermission;\n}};\n'
PROVIDERS = "META-INF/services/"
BREAK_ITERATORS = PROVIDERS + "java.text.spi.BreakIteratorProvider"


def lay_out(artifacts: Sequence[Artifact], source: Path, folder: Path, home: Path) -> None:
    """Fill ``folder``, which will be moved to ``home``, from the artifacts below ``source``."""
    for artifact in artifacts:
        for name in artifact.folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
            put(artifact, source / artifact.path, folder / name)
    distribution = tomllib.loads(DISTRIBUTION.read_text())
    for name, module in distribution["modules"].items():
        where = folder / "modules" / name
        (where / "plugin-descriptor.properties").write_text(description(name, module, distribution["version"]))
        if rights := module.get("rights"):
            (where / "plugin-security.policy").write_text(policy(rights))
    config = folder / "config"
    config.mkdir()
    (config / "opensearch.yml").write_text(SETTINGS)
    (config / "log4j2.properties").write_text(LOGGING)
    (config / "icu.policy").write_text(ICU_RIGHTS.format(home=home))


def put(artifact: Artifact, file: Path, folder: Path) -> None:
    """Unpack a plugin, copy a jar."""
    if artifact.parts[3] == "zip":
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    elif artifact.parts[1] == "icu4j-localespi":
        only_break_iterators(file, folder / artifact.file_name)
    else:
        shutil.copyfile(file, folder / artifact.file_name)


def only_break_iterators(source: Path, target: Path) -> None:
    """Copy ICU's jar of locale providers so that it offers word boundaries alone; dates and numbers stay Java's."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if not entry.filename.startswith(PROVIDERS) or entry.filename == BREAK_ITERATORS:
                new.writestr(entry, old.read(entry))


def description(name: str, module: dict[str, Any], version: str) -> str:
    """What OpenSearch reads of a module before it loads it."""
    properties = {
        "name": name,
        "description": name,
        "version": version,
        "opensearch.version": version,
        "java.version": "11",
        "classname": module["class"],
        "extended.plugins": module.get("extends", ""),
        "has.native.controller": "false",
        "custom.foldername": "",
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def policy(rights: Sequence[str]) -> str:
    """A policy file that grants these rights."""
    return "grant {\n" + "".join(f"  permission {right};\n" for right in rights) + "};\n"

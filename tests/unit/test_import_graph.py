"""Which module may import which: read from the sources, and measured for the function that has to start fast."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "lambdas"

LAYERS = (
    ("beside", "disconnect", "errors", "eventstream", "http1", "text_lines", "ulid"),
    ("chat",),
    ("models", "telemetry"),
    ("gateway", "keys", "caching", "retrieval", "throughput", "experiments", "capacity"),
    ("aws", "fakes"),
    ("runtime",),
    ("handlers",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
AWS_LIBRARIES = {"boto3", "botocore", "opensearchpy", "aiobotocore"}
FAR_FROM_LAMBDA = {"local", "cli", "bench", "stacks", "tests"}
SLOW_TO_IMPORT = (
    "boto3", "botocore", "opensearchpy", "http.client", "urllib.request", "email", "asyncio", "logging",
    "pydantic", "numpy",
)  # fmt: skip
SOURCES = sorted(LAMBDAS.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(LAMBDAS).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The folder that a module belongs to: ``slipstream.gateway.http`` → gateway, ``handlers.chat`` → handlers."""
    names = module.split(".")
    return names[1] if names[0] == "slipstream" and len(names) > 1 else names[0]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top, in a function, or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=[module_of(path) for path in SOURCES])
def test_a_module_imports_only_its_own_layer_and_those_below(path: Path) -> None:
    module = module_of(path)
    if module == "slipstream":
        return
    own = LEVEL[part_of(module)]

    above = {
        name
        for name in imports(path)
        if name.split(".")[0] in {"slipstream", "handlers"} and name != "slipstream" and LEVEL[part_of(name)] > own
    }

    assert not above, f"{module} reaches up to {above}"


@pytest.mark.parametrize("path", SOURCES, ids=[module_of(path) for path in SOURCES])
def test_only_the_adapters_import_an_aws_library(path: Path) -> None:
    if part_of(module_of(path)) == "aws":
        return

    assert not {name.split(".")[0] for name in imports(path)} & AWS_LIBRARIES


@pytest.mark.parametrize("path", SOURCES, ids=[module_of(path) for path in SOURCES])
def test_what_runs_in_lambda_knows_nothing_of_the_tools_around_it(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & FAR_FROM_LAMBDA


def test_every_folder_of_the_package_has_a_layer() -> None:
    folders = {path.name for path in (LAMBDAS / "slipstream").iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert folders <= set(LEVEL)


def test_building_the_chat_function_loads_no_slow_module() -> None:
    code = (
        "import sys, json; was = set(sys.modules); from handlers.chat import build; build(); "
        "print(json.dumps([*{*sys.modules} - was]))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS), "AWS_REGION": "us-east-1"}
    environment |= {"SLIPSTREAM_CACHE": "on", "SLIPSTREAM_CACHE_TABLE": "answers", "SLIPSTREAM_CACHE_BUCKET": "bodies"}
    environment |= {"SLIPSTREAM_QUERY_LOG_SHARE": "0.1"}

    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert not set(json.loads(run.stdout.splitlines()[-1])) & set(SLOW_TO_IMPORT)


@pytest.mark.parametrize("module", sorted(module_of(path) for path in (LAMBDAS / "handlers").glob("[a-z]*.py")))
def test_importing_a_function_needs_no_environment_and_starts_no_thread(module: str) -> None:
    code = f"import threading, {module}; assert threading.active_count() == 1"

    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(LAMBDAS)}, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr

"""What a bundle holds, for Lambda and for this machine; wheels come from the cache that `make` fills."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stacks.constructs import bytecode
from stacks.constructs.bundle import CONTENTS, ROOT, Bundle, BundleName
from stacks.constructs.target import Target
from stacks.constructs.wheels import BundleError

WHEELS = ROOT / "build" / "wheels"
TARGETS = {"cloud": Target.cloud("arm64"), "local": Target.local()}
needs_wheels = pytest.mark.skipif(
    not all((WHEELS / target.tag).exists() for target in TARGETS.values()),
    reason="the wheel cache is empty: run `python -m stacks.constructs.bundle --fetch` once",
)


@pytest.fixture(scope="module", params=["cloud", "local"])
def chat(request: pytest.FixtureRequest) -> tuple[Target, Path]:
    target = TARGETS[request.param]
    return target, Bundle("chat", target).build()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@needs_wheels
def test_the_chat_bundle_is_within_thirty_megabytes(chat: tuple[Target, Path]) -> None:
    assert sum(path.stat().st_size for path in files(chat[1])) <= 30_000_000


@needs_wheels
def test_compiled_code_is_for_the_target_and_nothing_else(chat: tuple[Target, Path]) -> None:
    target, folder = chat
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[target.architecture]
    libraries = [path.name for path in files(folder) if path.suffix == ".so"]
    assert libraries
    version = target.python.replace(".", "")
    assert all(f"cpython-{version}-{machine}" in name for name in libraries if sys.platform == "linux")


@needs_wheels
def test_every_module_ships_bytecode_that_is_never_checked_against_its_source(chat: tuple[Target, Path]) -> None:
    target, folder = chat
    if bytecode.compiler(target.python) is None:
        pytest.skip(f"no Python {target.python} on this machine: such a bundle ships sources only, and says so")
    tag = f"cpython-{target.python.replace('.', '')}"
    for source in (folder / "slipstream").rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        assert compiled.read_bytes()[4:8] == (1).to_bytes(4, "little")  # PEP 552: hash-based, unchecked


@needs_wheels
def test_the_wrapper_is_executable_and_no_metadata_or_tests_are_shipped(chat: tuple[Target, Path]) -> None:
    _, folder = chat
    assert (folder / "bootstrap.sh").stat().st_mode & 0o111 == 0o111
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert not [name for name in names if name.endswith(".dist-info") or "/tests" in name]
    assert not [name for name in names if name.startswith("botocore/data/") and name.count("/") > 2]


@needs_wheels
def test_an_admin_bundle_keeps_the_models_of_the_services_that_it_calls() -> None:
    data = Bundle("admin", Target.local()).build() / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(CONTENTS["admin"].services)


@needs_wheels
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_background_bundle_has_one_numpy_for_every_target_and_fits_beside_lambdas_limit(target: Target) -> None:
    folder = Bundle("background", target).build()
    assert 'version = "2.4.' in (folder / "numpy" / "version.py").read_text()
    assert sum(path.stat().st_size for path in files(folder)) <= 120_000_000


@needs_wheels
def test_equal_inputs_give_one_bundle_that_is_built_once() -> None:
    first = Bundle("chat", Target.local())
    built = first.build()
    stamp = built.stat().st_ctime_ns
    again = Bundle("chat", Target.local())
    assert (again.digest(), again.build()) == (first.digest(), built)
    assert built.stat().st_ctime_ns == stamp


@pytest.mark.parametrize("name", ["chat", "admin"])
def test_another_target_is_another_bundle(name: BundleName) -> None:
    digests = {Bundle(name, target).digest() for target in (*TARGETS.values(), Target.cloud("x86_64"))}
    assert len(digests) == 3


def test_missing_wheels_are_told_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"python -m stacks\.constructs\.bundle --fetch"):
        Bundle("chat", Target.local(), tmp_path).build()
    assert list((tmp_path / "bundles").iterdir()) == []


@needs_wheels
def test_the_command_line_puts_one_bundle_where_it_is_wanted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stacks.constructs.bundle", "--function", "chat", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "out")
    assert (tmp_path / "out" / "slipstream" / "runtime" / "lambda_loop.py").exists()


@needs_wheels
def test_the_ingest_bundle_has_what_comparing_an_arriving_document_takes() -> None:
    folder = Bundle("ingest", Target.local()).build()
    code = "from slipstream.retrieval import analysis, arrivals; print(analysis.terms('cats'))"

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(folder)!r}]; {code}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
    assert "cat" in run.stdout

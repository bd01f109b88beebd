from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.environments import Unprepared
from local.opensearch import install as installing
from local.opensearch import layout
from local.opensearch.install import cache, install, installed
from tests.unit.local.opensearch.conftest import artifact, store


def archive(**files: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as writer:
        for name, text in files.items():
            writer.writestr(name.replace("__", "/"), text)
    return memory.getvalue()


JAR, PLUGIN = b"a jar", archive(plugin="a plugin")
ICU = archive(
    META_INF__services__x="formats",
    **{"META-INF__services__java.text.spi.BreakIteratorProvider": "words", "META-INF__services__other": "formats"},
)
MODULES = tuple(f"modules/{name}" for name in layout.tomllib.loads(layout.DISTRIBUTION.read_text())["modules"])
CONTENTS = {
    artifact("g:core:1", JAR, "lib", *MODULES): JAR,
    artifact("g:plugin:1:zip", PLUGIN, "plugins/knn"): PLUGIN,
    artifact("com.ibm.icu:icu4j-localespi:1", ICU, "lib-icu"): ICU,
}


@pytest.fixture(autouse=True)
def tiny_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "locked", lambda: list(CONTENTS))


@pytest.fixture
def repository(machine: dict[str, str], tmp_path: Path) -> Path:
    for each, content in CONTENTS.items():
        store(tmp_path / "m2", each, content)
    return tmp_path / "m2"


def quiet(_: str) -> None:
    pass


@pytest.mark.usefixtures("repository")
def test_jars_are_copied_plugins_unpacked_and_modules_described(machine: dict[str, str]) -> None:
    home = install(machine, quiet)

    assert installed(machine)
    assert (home / "lib" / "core-1.jar").read_bytes() == JAR
    assert (home / "plugins" / "knn" / "plugin").read_text() == "a plugin"
    described = (home / "modules" / "lang-painless" / "plugin-descriptor.properties").read_text()
    assert "classname=org.opensearch.painless.PainlessPlugin\n" in described
    assert "createClassLoader" in (home / "modules" / "lang-painless" / "plugin-security.policy").read_text()
    assert not (home / "modules" / "geo" / "plugin-security.policy").exists()
    assert f"file:{home}/lib-icu/-" in (home / "config" / "icu.policy").read_text()


@pytest.mark.usefixtures("repository")
def test_the_server_listens_on_loopback_alone(machine: dict[str, str]) -> None:
    assert "network.host: 127.0.0.1\n" in (install(machine, quiet) / "config" / "opensearch.yml").read_text()


@pytest.mark.usefixtures("repository")
def test_of_icus_providers_only_word_boundaries_are_announced(machine: dict[str, str]) -> None:
    with zipfile.ZipFile(install(machine, quiet) / "lib-icu" / "icu4j-localespi-1.jar") as jar:
        announced = [name for name in jar.namelist() if name.startswith("META-INF/services")]

    assert announced == ["META-INF/services/java.text.spi.BreakIteratorProvider"]


@pytest.mark.usefixtures("repository")
def test_two_installations_at_once_make_one(machine: dict[str, str]) -> None:
    said: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        homes = set(pool.map(lambda _: install(machine, said.append), range(4)))

    assert len(homes) == 1
    assert sum("is installed in" in line for line in said) == 1


def test_an_installation_that_was_broken_off_is_none_and_is_gone_on_with(
    machine: dict[str, str], repository: Path
) -> None:
    (kept, *_), (*_, last) = list(CONTENTS), list(CONTENTS)
    (repository / last.path).unlink()
    with pytest.raises(Unprepared):
        install(machine, quiet)
    assert not installed(machine)
    (repository / kept.path).unlink()
    store(repository, last, CONTENTS[last])

    assert install(machine, quiet).is_dir()
    assert not list(cache(machine).glob(".new-*"))


@pytest.mark.usefixtures("repository")
def test_what_is_installed_is_not_installed_again(machine: dict[str, str], repository: Path) -> None:
    first = install(machine, quiet)
    (repository / next(iter(CONTENTS)).path).unlink()

    assert install(machine, quiet) == first


def test_another_layout_is_another_installation(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = installing.home(machine)
    changed = tmp_path / "distribution.toml"
    changed.write_text(layout.DISTRIBUTION.read_text() + "\n")
    monkeypatch.setattr(layout, "DISTRIBUTION", changed)

    assert installing.home(machine) != before


def test_the_cache_is_where_the_user_keeps_caches(tmp_path: Path) -> None:
    assert cache({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "slipstream" / "opensearch"
    assert cache({"XDG_CACHE_HOME": "not/absolute"}) == Path.home().resolve() / ".cache/slipstream/opensearch"
    assert cache({"SLIPSTREAM_OPENSEARCH_CACHE": str(tmp_path / "own")}) == tmp_path / "own"

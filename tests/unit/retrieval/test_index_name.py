"""What an index can be made as, it can be asked as."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import IndexNotFound, InvalidRequest
from slipstream.gateway.grounding import rag_model
from slipstream.gateway.openai.search import checked_index
from slipstream.retrieval import index_name
from tests.unit.retrieval.memory_index import SPEC, MemoryIndex
from tests.unit.retrieval.test_indexes_api import Desk


def takes(call: Callable[[], object]) -> bool:
    try:
        call()
    except InvalidRequest:
        return False
    except IndexNotFound:
        return True
    return True


def everywhere(name: str) -> set[bool]:
    """What each way in makes of the name."""
    return {
        takes(lambda: rag_model(f"rag:{name}")),
        takes(lambda: checked_index(name)),
        takes(lambda: Desk().ask("GET", f"/{quote(name)}")),
        takes(lambda: MemoryIndex().create(name, SPEC)),
    }


@pytest.mark.parametrize("name", ["docs", "my_docs", "my-docs", "0", "a" * 100])
def test_a_good_name_is_taken_everywhere(name: str) -> None:
    assert everywhere(name) == {True}
    assert Desk().ask("PUT", f"/{name}", {"dimensions": 256})[0] == 201


@pytest.mark.parametrize("name", ["Docs", "_docs", "-docs", "a" * 101, "a b", "dócs", "a.b", "docs\n"])
def test_a_bad_name_is_taken_nowhere_and_told_the_rule(name: str) -> None:
    assert everywhere(name) == {False}
    with pytest.raises(InvalidRequest, match=r"up to 100 of a-z, 0-9, - and _"):
        index_name.check(name)


@pytest.mark.parametrize("name", ["docs-000001", "docs-000001-writing"])
def test_a_name_like_a_generation_s_is_no_new_index(name: str) -> None:
    with pytest.raises(InvalidRequest, match="ends like a generation"):
        index_name.check_new(name)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=110).filter(lambda name: "@" not in name))
def test_all_ways_in_agree_on_any_name(name: str) -> None:
    assert takes(lambda: rag_model(f"rag:{name}")) == takes(lambda: checked_index(name)) == index_name.fits(name)

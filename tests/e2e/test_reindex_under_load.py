"""An index is rebuilt through the deployed stack while others search it, and they notice nothing."""

from __future__ import annotations

import pytest

from bench.reindex import under_load
from local.endpoint import Endpoint


def test_a_reindex_fails_no_search_and_hides_or_doubles_no_page(local_stack: Endpoint) -> None:
    if not local_stack.opensearch_url:
        pytest.skip(f"no OpenSearch: the stack runs with the engine {local_stack.search_engine}")

    found = under_load(local_stack, pages=40)

    assert found["wrong"] == []
    assert (found["failed"], found["with_missing_pages"], found["with_doubled_passages"]) == (0, 0, 0)
    assert found["generations_seen"] == 2
    assert (found["documents_afterwards"], found["dimensions_afterwards"]) == (40, 1024)
    assert found["queries"] > 40

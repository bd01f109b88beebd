from __future__ import annotations

import pytest

from slipstream.aws.index_mapping import check_spec
from slipstream.errors import InvalidRequest
from slipstream.retrieval.ports import QUANTIZATIONS, IndexSpec


@pytest.mark.parametrize(("engine", "quantization"), [(e, q) for e, some in QUANTIZATIONS.items() for q in some])
def test_what_an_engine_can_do_is_taken(engine: str, quantization: str) -> None:
    check_spec(IndexSpec(engine=engine, quantization=quantization), faiss=True)


@pytest.mark.parametrize(
    ("engine", "quantization", "instead"), [("faiss", "on_disk_4x", "on_disk_8x"), ("lucene", "fp16", "byte")]
)
def test_what_it_cannot_is_refused_with_what_it_can(engine: str, quantization: str, instead: str) -> None:
    with pytest.raises(InvalidRequest, match=instead) as refused:
        check_spec(IndexSpec(engine=engine, quantization=quantization), faiss=True)

    assert refused.value.param == "quantization"

"""``slipstream index fit`` over an engine and a gateway."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from cli.evaluation_set import ask
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.disconnect import NEVER, Disconnect
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.models.embedding import embedding_call
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.judged import Question
from slipstream.retrieval.parameters import parameters_from
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.retrieve import Retriever
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.cli.conftest import Gateway, Shell
from tests.unit.retrieval.loading import resolve

BIRDS = ("heron", "kestrel", "plover", "wren", "siskin", "bunting", "dunlin", "garganey")
PAGES = [
    Document(bird, bird.title(), "v1", (Passage(0, f"The {bird} fishes.", 0, 0, (), (1.0, 0.0)),)) for bird in BIRDS
]


@pytest.fixture
def judged(tmp_path: Path) -> tuple[str, str]:
    """A question of each page, and which page answers it: paths."""
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    queries.write_text("\n".join(json.dumps({"id": bird, "text": f"Does the {bird} fish?"}) for bird in BIRDS))
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "\n".join(f"{bird}\t{bird}\t1" for bird in BIRDS))
    return str(queries), str(qrels)


def test_questions_are_embedded_by_the_gateway_with_the_index_s_own_model(
    double_url: str, online: Shell, gateway: Gateway, judged: tuple[str, str], tmp_path: Path
) -> None:
    client = connect(double_url)
    engine, index, out = OpenSearchDocuments(client), f"fit-{uuid.uuid4().hex[:12]}", tmp_path / "weights.json"
    engine.create(index, IndexSpec(dimensions=2))
    assert engine.write(index, PAGES) == []
    gateway.returns({"data": [{"embedding": [1.0, 0.0]}]})
    queries, qrels = judged

    ran = online.run("index", "fit", index, "--queries", queries, "--qrels", qrels, "--out", str(out), "--json",
                     "--engine-url", double_url)  # fmt: skip
    engine.drop(index)
    client.close()

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["queries"] == len(BIRDS)
    assert parameters_from(out.read_bytes()).provenance.fitted_on == (index,)
    assert [body["input"] for _, _, body in gateway.asked] == [[f"Does the {bird} fish?"] for bird in BIRDS]
    assert {(body["dimensions"], body["input_type"]) for _, _, body in gateway.asked} == {(2, "search_query")}


class Keeping(MemoryIndex):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[EngineQuery] = []

    def search(self, index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
        self.asked.append(query)
        return super().search(index, query, waterfall, disconnect)


def test_a_judged_question_is_put_to_the_engine_as_the_gateway_puts_it() -> None:
    index, embedder = Keeping(), HashingEmbedder()
    index.create("docs", IndexSpec(dimensions=256, language="german"))
    index.set_synonyms("docs", ["fish, angle"])
    question = Question("q", 'Does the "grey heron" fish by rule HERON_01?')

    def embed(text: str, spec: IndexSpec) -> tuple[float, ...]:
        call = embedding_call(resolve(spec.embedding_model), [text], spec.dimensions, "search_query")
        return tuple(embedder.embed(call, Waterfall()).vectors[0])

    found = Retriever(index=index, embedder=embedder, target=resolve).find(
        "docs", question.text, (), DEFAULTS, Waterfall(), NEVER
    )
    (searched,) = ask([question], {"q": {"heron": 1.0}}, "docs", index, embed, lambda *_: None)

    assert index.asked[0] == index.asked[1]
    assert index.asked[0].expansions
    assert searched.prepared.foreign is found.question.foreign is True

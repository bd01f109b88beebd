"""The writing side of search, with opensearch-py: generations behind an alias, documents in and out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import opensearchpy

from slipstream.aws import bulk_write, index_mapping, search_errors
from slipstream.aws.index_mapping import belongs, engine_id, generation_name, number_of, writing_alias
from slipstream.errors import IndexExists, IndexNotFound, UpstreamTimeout, UpstreamUnavailable
from slipstream.retrieval import index_name
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, Generation, Held, IndexSpec, Kept
from slipstream.retrieval.question.acronyms import Meaning, merged

PAGE = 1000
READ_PAGE = 20
SWAPS = 3
"""Generations that may follow each other while one look is taken."""
KEPT_ATTEMPTS = 6
KEPT_PAUSE_S = 0.1
"""Longer than another writer takes between reading what an index keeps and writing it back."""
# Documents go to an alias of the generation's own: into an index that is gone, the engine would make one by guesses.
BULK_PARAMETERS = {"require_alias": "true", "filter_path": "items.*.status,items.*.error"}
T = TypeVar("T")


def connect(
    endpoint: str, *, region: str = "", signed: bool = False, timeout_s: float = 60.0
) -> opensearchpy.OpenSearch:
    """A client; ``signed``: with the credentials of boto3's chain, for a domain."""
    url = urlsplit(endpoint)
    auth: Any = None
    if signed:
        import boto3

        auth = opensearchpy.Urllib3AWSV4SignerAuth(boto3.Session().get_credentials(), region, "es")
    return opensearchpy.OpenSearch(
        hosts=[{"host": url.hostname, "port": url.port or (443 if url.scheme == "https" else 80)}],
        url_prefix=url.path.strip("/"), use_ssl=url.scheme == "https", verify_certs=True, http_auth=auth,
        timeout=timeout_s, max_retries=0, http_compress=signed,
    )  # fmt: skip


class OpenSearchDocuments:
    """A DocumentIndex over one engine; ``faiss``: whether it has that library (a domain has, a local one has not)."""

    def __init__(
        self, client: opensearchpy.OpenSearch, *, faiss: bool = False, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._sleep = sleep
        self._client = client
        self._faiss = faiss
        self._legacy_bm25 = ""

    def create(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        index_name.check_new(index)
        with told(index):
            if self._client.indices.exists(index=index) or self._mappings(index):
                raise IndexExists(f"there is an index '{index}' already: choose another name or drop it first")
        return self._new(index, spec, 1, aliases={index: {}})

    def names(self) -> list[str]:
        """See DocumentIndex."""
        with told("*"):
            found = self._client.indices.get_alias(index="*")
        return sorted({alias for name, body in found.items() for alias in body["aliases"] if belongs(name, alias)})

    def generations(self, index: str, *, counted: bool = True) -> list[Generation]:
        """See DocumentIndex."""
        index_name.check(index)
        with told(index):
            # In this order: a swap between the two moves the alias to a generation that was seen.
            found = self._mappings(index)
            live = self._live(index) if found else ""
            if live not in found:
                raise search_errors.not_found(index)
            return [
                index_mapping.generation(
                    name, mappings, live=name == live, documents=self._count(name) if counted else None
                )
                for name, mappings in found.items()
            ]

    def begin_generation(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        newest = self.generations(index, counted=False)[-1]
        return self._new(index, spec, number_of(newest.name) + 1, kept=newest.kept)

    def promote(self, index: str, generation: str) -> None:
        """See DocumentIndex. The alias moves in one request: no search finds it missing or doubled.

        The older generations go afterwards. In the same request they would go first: the engine closes a removed index
        before it shows searches where the alias points now.
        """
        names = [each.name for each in self.generations(index, counted=False)]
        if generation not in names:
            raise search_errors.not_found(generation)
        older = [name for name in names if name < generation]
        actions: list[dict[str, Any]] = [{"add": {"index": generation, "alias": index}}]
        actions += [{"remove": {"index": name, "alias": index, "must_exist": False}} for name in older]
        with told(index):
            self._client.indices.refresh(index=generation)
            self._client.indices.update_aliases(body={"actions": actions})
            for name in older:
                self._client.indices.delete(index=name)

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        """See DocumentIndex. Raises IndexReadOnly where the index takes no writes."""
        target = self._target(index, generation)
        lines = (
            bulk_write.line(each, target.spec, writing_alias(target.name), if_absent=if_absent) for each in documents
        )
        return bulk_write.write(self._send_bulk(index), index, lines)

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """See DocumentIndex."""
        return bulk_write.too_large(document, generation.spec, writing_alias(generation.name))

    def delete(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> None:
        """See DocumentIndex. Raises IndexReadOnly."""
        names, done, failed = [generation] if generation else self._names(index), set[str](), list[Failed]()
        while names:
            swapped = False
            for name in names:
                try:
                    failed += bulk_write.write(self._send_bulk(index), index, _deletions(document_ids, name))
                except IndexNotFound:
                    if generation:
                        raise
                    swapped = True  # what has taken its place may have come after the look
            done.update(names)
            names = [name for name in self._names(index) if name not in done] if swapped else []
        if failed:
            raise UpstreamUnavailable(f"{len(failed)} documents could not be deleted ({failed[0].reason}); try again")

    def versions(
        self, index: str, document_ids: Sequence[str] | None = None, *, generation: str | None = None,
        origin: str | None = None, after: str = "", limit: int | None = None,
    ) -> Mapping[str, str]:  # fmt: skip
        """See DocumentIndex."""
        query: dict[str, Any] = {"match_all": {}} if origin is None else {"term": {"origin": origin}}

        def found(target: Generation) -> dict[str, str]:
            if document_ids is not None:
                return {i: each.version for i, each in self._held(target.name, document_ids, query)}
            page = PAGE if limit is None else min(PAGE, limit)
            return {i: each.version for i, each in islice(self._scan(target.name, query, after, page), limit)}

        return self._on(index, generation, found)

    def held(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> Mapping[str, Held]:
        """See DocumentIndex."""
        return self._on(
            index, generation, lambda target: dict(self._held(target.name, document_ids, {"match_all": {}}))
        )

    def read(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> list[Document]:
        """See DocumentIndex."""

        def found(target: Generation) -> list[Document]:
            # Through a search, whose source has the vectors again.
            documents: list[Document] = []
            for at in range(0, len(document_ids), READ_PAGE):
                some = {"size": READ_PAGE, "query": {"terms": {"id": list(document_ids[at : at + READ_PAGE])}}}
                page = self._client.search(index=target.name, body=some)["hits"]["hits"]
                documents += [index_mapping.from_source(hit["_source"], target.spec) for hit in page]
            return documents

        return self._on(index, generation, found)

    def refresh(self, index: str) -> None:
        """See DocumentIndex."""
        self._each(index, lambda name: self._client.indices.refresh(index=name))

    def set_ranking(self, index: str, ranking: Mapping[str, Any] | None) -> None:
        """See DocumentIndex."""
        # As it will be read back: a tuple would never equal the list that it becomes.
        given = None if ranking is None else msgspec.json.decode(msgspec.json.encode(ranking))
        self._keep(index, lambda kept: msgspec.structs.replace(kept, ranking=given))

    def set_synonyms(self, index: str, rules: Sequence[str]) -> None:
        """See DocumentIndex."""
        self._keep(index, lambda kept: msgspec.structs.replace(kept, synonyms=tuple(rules)))

    def learn(self, index: str, acronyms: Mapping[str, Meaning]) -> None:
        """See DocumentIndex. One small request where all of them are known."""
        self._keep(index, lambda kept: msgspec.structs.replace(kept, learnt=merged(kept.learnt, acronyms)))

    def _keep(self, index: str, change: Callable[[Kept], Kept]) -> None:
        """Change what every generation says of itself, and look after a moment whether it does: the engine takes the
        whole of it, unconditionally, so that another writer may have put back what it had read before. ``change`` has
        to come to an end: what it has changed it leaves as it is.
        """
        index_name.check(index)
        for attempt in range(KEPT_ATTEMPTS):
            with told(index):
                found = self._mappings(index)
            if not found:
                raise search_errors.not_found(index)
            known = [index_mapping.generation(name, each, live=False, documents=None) for name, each in found.items()]
            stale = [(each, kept) for each in known if (kept := change(each.kept)) != each.kept]
            if not stale:
                return
            for each, kept in stale:
                body = {"_meta": index_mapping.meta(each.spec, kept)}
                with suppress(IndexNotFound), told(index):  # swapped away meanwhile
                    # The verb that those who only load may use, too.
                    self._client.transport.perform_request("POST", f"/{each.name}/_mapping", body=body)
            self._sleep(KEPT_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - to part writers
        raise UpstreamUnavailable(f"others are changing what '{index}' says of itself; try again")

    def merge(self, index: str, *, segments: int = 1) -> None:
        """Merge to few segments: a search walks one graph. For an index at rest; may take minutes."""
        self._each(index, lambda name: self._client.indices.forcemerge(index=name, max_num_segments=segments))

    def warm_up(self, index: str) -> None:
        """Load the vectors' graphs into memory, which the first searches would otherwise wait for."""
        self._each(index, lambda name: self._client.transport.perform_request("GET", f"/_plugins/_knn/warmup/{name}"))

    def drop(self, index: str) -> None:
        """See DocumentIndex."""
        self._each(index, lambda name: self._client.indices.delete(index=name))

    def _each(self, index: str, do: Any) -> None:
        index_name.check(index)
        with told(index):
            for name in self._names(index):
                do(name)

    def _new(
        self, index: str, spec: IndexSpec, number: int, *, aliases: dict[str, Any] | None = None,
        kept: Kept = index_mapping.NOTHING_KEPT,
    ) -> Generation:  # fmt: skip
        index_mapping.check_spec(spec, faiss=self._faiss)
        name = generation_name(index, number)
        body = index_mapping.body(spec, legacy_bm25=self._bm25(), kept=kept)
        with told(index):
            self._client.indices.create(
                index=name, body={**body, "aliases": {writing_alias(name): {}, **(aliases or {})}}
            )
        return Generation(name, spec, 0, aliases is not None, kept)

    def _bm25(self) -> str:
        if not self._legacy_bm25:
            with told(""):
                self._legacy_bm25 = index_mapping.legacy_bm25(str(self._client.info()["version"]["number"]))
        return self._legacy_bm25

    def _target(self, index: str, generation: str | None) -> Generation:
        """``generation``, or the live one, in one small request."""
        index_name.check(index)
        name = generation or index
        with told(name):
            found = self._client.indices.get_mapping(index=name)
        ours = [each for each in found if belongs(each, index)]
        if len(ours) != 1:
            raise search_errors.not_found(name)
        return index_mapping.generation(ours[0], found[ours[0]]["mappings"], live=generation is None, documents=None)

    def _live(self, index: str) -> str:
        found = self._client.indices.get_alias(name=index)
        return next((name for name in found if belongs(name, index)), "")

    def _count(self, name: str) -> int:
        return int(self._client.count(index=name)["count"])

    def _names(self, index: str) -> list[str]:
        """All generations, oldest first. Raises IndexNotFound where there is none."""
        with told(index):
            found = list(self._mappings(index))
        if not found:
            raise search_errors.not_found(index)
        return found

    def _mappings(self, index: str) -> dict[str, Any]:
        """Generation → mapping, oldest first."""
        found = self._client.indices.get_mapping(index=f"{index}-*")
        return {name: found[name]["mappings"] for name in sorted(found) if belongs(name, index)}

    def _on(self, index: str, generation: str | None, look: Callable[[Generation], T]) -> T:
        """What ``look`` sees in ``generation``, or in the live one, also where it is swapped away meanwhile."""
        for left in reversed(range(SWAPS)):
            target = self._target(index, generation)
            try:
                with told(index):
                    self._client.indices.refresh(index=target.name)  # what was just written is to be seen
                    return look(target)
            except IndexNotFound:
                if generation or not left:
                    raise
        raise AssertionError

    def _held(self, name: str, document_ids: Sequence[str], query: dict[str, Any]) -> Iterator[tuple[str, Held]]:
        for at in range(0, len(document_ids), PAGE):
            some = {"terms": {"id": list(document_ids[at : at + PAGE])}}
            yield from self._scan(name, {"bool": {"filter": [query, some]}})

    def _scan(self, name: str, query: dict[str, Any], after: str = "", page: int = PAGE) -> Iterator[tuple[str, Held]]:
        body: dict[str, Any] = {
            "size": page, "query": query, "sort": [{"id": "asc"}], "_source": False, "stored_fields": ["id", "version"],
            "docvalue_fields": ["origin"], "search_after": [after],
        }  # fmt: skip
        while True:
            hits = self._client.search(index=name, body=body)["hits"]["hits"]
            for hit in hits:
                fields = hit["fields"]
                yield fields["id"][0], Held(fields["version"][0], fields.get("origin", [""])[0])
            if len(hits) < page:
                return
            body["search_after"] = hits[-1]["sort"]

    def _send_bulk(self, index: str) -> bulk_write.Send:
        def send(data: bytes) -> Any:
            with told(index):
                return self._client.bulk(body=data, params=dict(BULK_PARAMETERS))

        return send


def _deletions(document_ids: Sequence[str], generation: str) -> list[bulk_write.Line]:
    index = writing_alias(generation)
    return [
        bulk_write.Line(each, msgspec.json.encode({"delete": {"_index": index, "_id": engine_id(each)}}) + b"\n")
        for each in document_ids
    ]


@contextmanager
def told(index: str) -> Iterator[None]:
    """The client's exceptions as ours."""
    try:
        yield
    except opensearchpy.exceptions.ConnectionTimeout:
        raise UpstreamTimeout("the search engine did not answer in time; try again") from None
    except opensearchpy.exceptions.ConnectionError as error:
        raise UpstreamUnavailable(f"the search engine cannot be reached: {error.error}") from None
    except opensearchpy.exceptions.TransportError as error:
        info = error.info
        said = info.get("error") if isinstance(info, dict) else error.error
        raise search_errors.to_error(search_errors.read(int(error.status_code), said), index) from None

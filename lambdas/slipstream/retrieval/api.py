"""Indexes over HTTP: make, show, fill, re-index and drop them.

Each call ends within the host's time and says how far it came; the caller calls again, and the index itself knows what
is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import perf_counter
from typing import Any

import msgspec

from slipstream.errors import (
    BodyTooLarge,
    IndexExists,
    IndexNotFound,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    SlipstreamError,
    UnreadableDocument,
)
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.gateway.routes import decode as unescape
from slipstream.gateway.routes import printable
from slipstream.models.embedding import Embedder, embedding_call
from slipstream.models.targets import Target
from slipstream.retrieval import api_shapes as shapes
from slipstream.retrieval import index_name, reindex
from slipstream.retrieval.documents_body import Ids, Load, NewDocuments, Synonyms, decode, drafts_of, replacing
from slipstream.retrieval.drafts import Draft, Item, Refused, Source, drafts
from slipstream.retrieval.failures import DeadLetters, FailureStore
from slipstream.retrieval.ingest import Ingestion, Pace
from slipstream.retrieval.ingest_report import Report
from slipstream.retrieval.parameters import parameters_from
from slipstream.retrieval.ports import DocumentIndex, IndexSpec
from slipstream.retrieval.question import synonyms

ROOT = "/v1/indexes"
MAX_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's own limit of an invocation."""
WORK_S = 22.0
"""Seconds that a call works: API Gateway ends a buffered one after 29, and what is under way has to be written."""
PAGE, MOST_VERSIONS, LOAD_WINDOW = 1_000, 10_000, 32
PACE = Pace(passages=128, batch_passages=128)

Told = tuple[int, dict[str, Any]]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the routes work with. ``objects`` lists what lies below an s3:// URI, behind a key."""

    index: DocumentIndex
    embedder: Embedder
    resolve: Callable[[str], Target]
    objects: Callable[[str, str], Source]
    failures: FailureStore
    dead_letters: DeadLetters
    usual: IndexSpec = IndexSpec()
    """What an index is made of where its maker does not say otherwise."""


class IndexesApi:
    """Needs the scope ``ingest`` for documents and for looking, ``admin`` (which may all that) for the rest."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = perf_counter) -> None:
        self._parts = parts
        self._clock = clock

    def __call__(self, request: HttpRequest) -> Told:
        """Status and JSON body. Raises SlipstreamError."""
        if len(request.body) > MAX_BODY_BYTES:
            raise BodyTooLarge(
                f"the body has {len(request.body):,} bytes, the limit is {MAX_BODY_BYTES:,}: send fewer documents at "
                "once; a file that is larger alone goes into the documents bucket",
                param="body",
            )
        found = request.path.rstrip("/").removeprefix(ROOT).removeprefix("/")
        name, _, rest = found.partition("/")
        if not name:
            return self._listed(request)
        name = unescape(name)
        index_name.check(name, "name")
        return self._one(request, name, rest)

    def _one(self, request: HttpRequest, name: str, rest: str) -> Told:
        routes: dict[str, dict[str, Callable[[HttpRequest, str], Told]]] = {
            "": {"PUT": self._create, "GET": self._show, "DELETE": self._drop},
            "documents": {"POST": self._add, "GET": self._versions},
            "documents/delete": {"POST": self._delete_many},
            "load": {"POST": self._load},
            "reindex": {"POST": self._reindex},
            "ranking": {"GET": self._ranking, "PUT": self._set_ranking, "DELETE": self._set_ranking},
            "synonyms": {"GET": self._synonyms, "PUT": self._set_synonyms, "DELETE": self._set_synonyms},
            "failures": {"GET": self._failures},
            "replay": {"POST": self._replay},
        }
        methods = routes.get(rest)
        if methods is None and rest.startswith("documents/"):
            document_id = unescape(rest.removeprefix("documents/"))
            methods = {"DELETE": lambda request, name: self._delete(request, name, [document_id])}
        if methods is None:
            raise NotFound(
                f"there is no route {printable(request.path)}; below {ROOT}/{{name}} there are "
                f"{', '.join(filter(None, routes))} and documents/{{id}}",
                code="route_not_found",
            )
        if request.method not in methods:
            raise MethodNotAllowed(f"{printable(request.method)} is not for this route: use {' or '.join(methods)}")
        return methods[request.method](request, name)

    # -- indexes

    def _listed(self, request: HttpRequest) -> Told:
        may(request.principal, "ingest")
        if request.method != "GET":
            raise MethodNotAllowed(f"{printable(request.method)} is not for {ROOT}: use GET, or PUT {ROOT}/{{name}}")
        names = self._parts.index.names()
        return 200, {"object": "list", "data": [shapes.shown(n, self._parts.index.generations(n)) for n in names]}

    def _create(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "admin")
        spec = self._spec(request.body, self._parts.usual)
        try:
            self._parts.index.create(name, spec)
        except IndexExists as taken:
            try:
                there = self._parts.index.generations(name)
            except IndexNotFound:
                raise taken from None  # by an alias that is none of ours
            if next(generation for generation in there if generation.live).spec != spec:
                raise IndexExists(
                    f"there is an index '{name}' with another spec: drop it, or change it with `slipstream index "
                    f"reindex {name}`",
                    param="name",
                ) from None
            return 200, shapes.shown(name, there)
        return 201, shapes.shown(name, self._parts.index.generations(name))

    def _spec(self, body: bytes, default: IndexSpec) -> IndexSpec:
        """``default`` with what the body says otherwise; checked against the model's sizes."""
        said = decode(body, dict[str, msgspec.Raw], '{"dimensions": 512}')
        unknown = sorted(said.keys() - set(IndexSpec.__struct_fields__))
        if unknown:
            known = ", ".join(IndexSpec.__struct_fields__)
            raise InvalidRequest(f"an index has no '{printable(unknown[0], 60)}'; it has {known}", param=unknown[0])
        spec = msgspec.structs.replace(default, **_fields(said))
        embedding_call(self._parts.resolve(spec.embedding_model), (), spec.dimensions)
        return spec

    def _show(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "ingest")
        return 200, shapes.shown(name, self._parts.index.generations(name))

    def _drop(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "admin")
        self._parts.index.drop(name)
        return 200, {"object": "index", "name": name, "deleted": True}

    def _reindex(self, request: HttpRequest, name: str) -> Told:
        """Begin, or go on with, a re-index. ``?begin_only=1`` makes the generation and copies nothing yet."""
        may(request.principal, "admin")
        parts = self._parts
        live = next(generation for generation in parts.index.generations(name) if generation.live)
        beside = reindex.under_way(parts.index, name)
        if beside is None and request.query.get("resume"):
            return 200, shapes.step(reindex.Step(live.name, live.documents or 0, 0, True))
        if not request.query.get("resume"):
            current = msgspec.structs.replace(live.spec, schema=IndexSpec().schema)  # whatever mapping it was made with
            beside = reindex.begin(parts.index, name, self._spec(request.body, current))
        if request.query.get("begin_only"):
            return 200, shapes.step(
                reindex.Step(beside.name if beside else "", live.documents or 0, live.documents or 0, False)
            )
        step = reindex.step(
            parts.index, name, parts.embedder, parts.resolve, deadline_s=self._until_s(request), clock=self._clock
        )
        return 200, shapes.step(step)

    # -- what an index keeps

    def _ranking(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "ingest")
        return 200, shapes.ranking(name, self._parts.index.generations(name))

    def _set_ranking(self, request: HttpRequest, name: str) -> Told:
        """Fitted parameters in place of those that ship; DELETE goes back to those."""
        may(request.principal, "admin")
        given = parameters_from(request.body) if request.method == "PUT" else None
        self._parts.index.set_ranking(name, None if given is None else msgspec.to_builtins(given))
        return self._ranking(request, name)

    def _synonyms(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "ingest")
        return 200, shapes.synonyms(name, self._parts.index.generations(name))

    def _set_synonyms(self, request: HttpRequest, name: str) -> Told:
        """The owner's synonyms in place of the former ones; DELETE takes them out."""
        may(request.principal, "admin")
        example = '{"rules": ["delete, remove", "k8s => Kubernetes"]}'
        lines = decode(request.body, Synonyms, example).rules if request.method == "PUT" else []
        self._parts.index.set_synonyms(name, synonyms.checked(lines))
        return self._synonyms(request, name)

    # -- documents

    def _add(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "ingest")
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind in ("application/json", ""):
            example = '{"documents": [{"id": "a", "title": "A", "text": "…"}]}'
            return 200, shapes.told(self._ingest(request, name, drafts_of(decode(request.body, NewDocuments, example))))
        report = self._ingest(request, name, self._file(request))
        if report.failed and report.documents == 1:
            only = report.failed[0]
            mistake = SlipstreamError if only.retryable else UnreadableDocument
            raise mistake(only.reason, code=only.code, http_status=422, retryable=only.retryable, param="body")
        return 200, shapes.told(report)

    def _file(self, request: HttpRequest) -> Iterable[Draft | Refused]:
        """The body as a file: ``?id=`` names it."""
        document_id = request.query.get("id", "")
        if not document_id:
            raise InvalidRequest("a file needs a name: add ?id=guide.pdf to the address", param="id")
        origin = request.query.get("origin", "")
        found = drafts([
            Item(
                id=document_id, origin=origin or document_id, read=lambda: request.body,
                source=request.query.get("source", ""), content_type=request.headers.get("content-type", ""),
            )
        ])  # fmt: skip
        return found if origin else (replacing(each, document_id) for each in found)

    def _ingest(self, request: HttpRequest, name: str, found: Iterable[Draft | Refused]) -> Report:
        """What was written can be found once the caller hears of it."""
        parts = self._parts
        ingestion = Ingestion(parts.index, name, parts.embedder, parts.resolve, pace=PACE, clock=self._clock)
        report = ingestion.run(found, deadline_s=self._until_s(request))
        if report.stopped is not None:
            raise shapes.stopped(report, report.stopped)
        if report.added + report.changed:
            parts.index.refresh(name)
        return report

    def _load(self, request: HttpRequest, name: str) -> Told:
        """Objects of the bucket, in the order of their keys, as many as there is time for."""
        may(request.principal, "admin")
        wanted = decode(request.body, Load, '{"uri": "s3://bucket/prefix"}')
        left = iter(self._parts.objects(wanted.uri, wanted.after).items())
        total, after, until_s = Report(failed=[]), wanted.after, self._until_s(request)
        while window := list(islice(left, LOAD_WINDOW)):
            report = self._ingest(request, name, drafts(window))
            for field in ("added", "changed", "unchanged", "passages", "embedded", "seconds"):
                setattr(total, field, getattr(total, field) + getattr(report, field))
            if any(failure.code == "not_reached" for failure in report.failed):
                return 200, {**shapes.told(total), "after": after, "finished": False}
            total.failed += report.failed
            after = window[-1].id
            if self._clock() >= until_s:
                return 200, {**shapes.told(total), "after": after, "finished": False}
        return 200, {**shapes.told(total), "after": after, "finished": True}

    def _versions(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "ingest")
        query = request.query
        limit = min(MOST_VERSIONS, int(query.get("limit", "")) if query.get("limit", "").isdecimal() else PAGE)
        found = self._everywhere(name, query.get("origin"), query.get("after", ""), limit + 1)
        data = [{"id": document_id, "version": version} for document_id, version in islice(found.items(), limit)]
        return 200, {"object": "list", "data": data, "has_more": len(found) > limit}

    def _everywhere(self, name: str, origin: str | None, after: str, limit: int) -> dict[str, str]:
        """Versions of what is live; empty where a generation that is being filled does not have it, too."""
        index = self._parts.index
        live, *beside = sorted(index.generations(name, counted=False), key=lambda generation: not generation.live)
        found = dict(index.versions(name, generation=live.name, origin=origin, after=after, limit=limit))
        for generation in beside:
            there = index.versions(name, list(found), generation=generation.name, origin=origin)
            found = {i: version if there.get(i) == version else "" for i, version in found.items()}
        return found

    def _delete_many(self, request: HttpRequest, name: str) -> Told:
        return self._delete(request, name, decode(request.body, Ids, '{"ids": ["a"]}').ids)

    def _delete(self, request: HttpRequest, name: str, document_ids: list[str]) -> Told:
        may(request.principal, "ingest")
        there = self._parts.index.versions(name, document_ids)
        self._parts.index.delete(name, document_ids)
        self._parts.index.refresh(name)
        return 200, {"object": "deletion", "deleted": sorted(there)}

    # -- failures

    def _failures(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "admin")
        self._parts.index.generations(name, counted=False)
        records = self._parts.failures.all(name)
        return 200, {"object": "list", "data": [msgspec.to_builtins(record) for record in records]}

    def _replay(self, request: HttpRequest, name: str) -> Told:
        may(request.principal, "admin")
        self._parts.index.generations(name, counted=False)
        until_s = self._until_s(request)
        done = self._parts.dead_letters.replay(name, lambda: self._clock() >= until_s)
        return 200, {"object": "replay", **msgspec.to_builtins(done)}

    def _until_s(self, request: HttpRequest) -> float:
        return min(request.received_s + WORK_S, request.deadline_s or float("inf"))


def may(principal: Principal, scope: str) -> None:
    """Raise PermissionDenied unless the key has ``scope``, or ``admin``, which may everything here."""
    if "admin" not in principal.scopes:
        principal.require(scope)


def _fields(said: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """The fields of a spec, each of its type. Raises InvalidRequest that names the field."""
    out = {}
    for name, raw in said.items():
        kind = {"embedding_model": str, "engine": str, "quantization": str, "language": str}.get(name, int)
        try:
            out[name] = msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError as error:
            raise InvalidRequest(f"{name}: {error}", param=name) from None
    return out

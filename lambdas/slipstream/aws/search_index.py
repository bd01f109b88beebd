"""Search on the request path: OpenSearch over the shared kept-alive transport, both legs in one round trip."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from slipstream.aws import index_mapping, retry, search_answer, search_errors, search_query
from slipstream.aws.connection import Patience
from slipstream.aws.origin import parse_base_url
from slipstream.aws.places import Authorizes, Place, signed_request
from slipstream.aws.search_answer import Leg
from slipstream.aws.transport import Transport
from slipstream.disconnect import Disconnect
from slipstream.errors import SlipstreamError, UpstreamError, UpstreamTimeout
from slipstream.retrieval import index_name
from slipstream.retrieval.ports import Generation
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall

PAUSE_S = 0.03
"""Before a second attempt."""
_WANTS_BYTES = "vector values are floats instead of byte"
GRACE_S = 0.15
"""What an answer may take beyond the legs' own time limit: the engine looks at its clock now and then."""


class OpenSearchPassages:
    """A PassageIndex over the engine at ``endpoint``. Safe for threads.

    A search without a time limit of its own may take ``timeout_s`` seconds. What fails as things fail in passing (too
    much to do, an index that was swapped away while it was read) is tried once more.
    """

    def __init__(self, endpoint: str, *, transport: Transport, auth: Authorizes, timeout_s: float = 10.0) -> None:
        self._place = Place(*parse_base_url(endpoint))
        self._transport = transport
        self._auth = auth
        self._timeout_s = timeout_s
        self._of_bytes: dict[str, str] = {}
        """Indexes that take bytes for a vector → the generation that was seen to; "" until one has answered."""

    def search(self, index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
        """See PassageIndex. Opens span ``search`` (and ``connect`` where a connection has to be made)."""
        index_name.check(index)
        limit_s = self._timeout_s if query.timeout_ms is None else query.timeout_ms / 1000 + GRACE_S
        patience = Patience(self._timeout_s, disconnect=disconnect, deadline_s=perf_counter() + limit_s)
        with waterfall.span("search"):
            try:
                legs = self._ask(index, index, query, waterfall, patience)
            except SlipstreamError as error:
                if not retry.worth_another(error) or not retry.again(error, patience, PAUSE_S):
                    raise
                legs = self._ask(index, index, query, waterfall, patience)
            if self._re_indexed(index, legs):
                legs = self._ask(index, index, query, waterfall, patience)
            if again := self._what_to_ask_again(index, legs):
                if _failed(legs) and not retry.pause(PAUSE_S, disconnect, patience.deadline_s):
                    return _result(index, legs)
                legs = self._ask(index, again, query, waterfall, patience)
        return _result(index, legs)

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """See PassageIndex."""
        index_name.check(index)
        patience = Patience(self._timeout_s, disconnect=disconnect, deadline_s=perf_counter() + self._timeout_s)
        with waterfall.span("describe_index"):
            raw = self._send("GET", f"/{index}/_mapping", b"", index, waterfall, patience)
        found: dict[str, Any] = msgspec.json.decode(raw)
        ours = [name for name in found if index_mapping.belongs(name, index)]
        if len(ours) != 1:
            raise search_errors.not_found(index)
        return index_mapping.generation(ours[0], found[ours[0]]["mappings"], live=True, documents=None)

    def _ask(
        self, index: str, target: str, query: EngineQuery, waterfall: Waterfall, patience: Patience
    ) -> dict[str, Leg]:
        names, body = search_query.lines(target, query, byte_vector=index in self._of_bytes)
        if not names:
            return {}
        raw = self._send("POST", "/_msearch", body, index, waterfall, patience)
        return search_answer.read(raw, names, query.size)

    def _send(self, method: str, path: str, body: bytes, index: str, waterfall: Waterfall, patience: Patience) -> bytes:
        headers = [("content-type", "application/x-ndjson")] if body else []
        request = signed_request(self._place, path, headers, body, auth=self._auth, service="es", method=method)
        try:
            exchange = self._transport.send(self._place.origin, request, patience, waterfall)
            while (response := exchange.head()) is None:
                pass
            raw = response.read_all()
        except UpstreamError as error:
            raise search_errors.unreachable(error) from None
        if response.status != 200:
            raise search_errors.to_error(_read_error(response.status, raw), index)
        return raw

    def _what_to_ask_again(self, index: str, legs: dict[str, Leg]) -> str | None:
        """The name to ask once more, where that may help: the alias, or the newer of two generations that were seen."""
        dense = legs.get("dense")
        if dense is not None and dense.said is not None and _WANTS_BYTES in dense.said.reason:
            self._of_bytes[index] = ""
            return index
        if any(leg.said is not None and _in_passing(leg.said, index) for leg in legs.values()):
            return index
        generations = _generations(legs)
        return max(generations) if len(generations) > 1 else None

    def _re_indexed(self, index: str, legs: dict[str, Leg]) -> bool:
        """Whether bytes were asked of a generation that they were not seen to: it may take floats, and rank by them."""
        generations = _generations(legs)
        if index not in self._of_bytes or len(generations) != 1:
            return False
        (seen,) = generations
        if self._of_bytes[index] in ("", seen):
            self._of_bytes[index] = seen
            return False
        del self._of_bytes[index]
        return True


def _generations(legs: dict[str, Leg]) -> frozenset[str]:
    return frozenset[str]().union(*[leg.generations for leg in legs.values()])


def _in_passing(said: search_errors.Said, index: str) -> bool:
    if said.type == "index_not_found_exception":
        return said.index != index  # the generation that the alias had pointed to a moment ago
    return said.status in (404, 429) or (said.status >= 500 and "time" not in said.type and "cancel" not in said.type)


def _failed(legs: dict[str, Leg]) -> bool:
    return any(leg.said is not None and leg.said.status >= 429 for leg in legs.values())


def _read_error(status: int, raw: bytes) -> search_errors.Said:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = {}
    return search_errors.read(status, body.get("error") if isinstance(body, dict) else None)


def _result(index: str, legs: dict[str, Leg]) -> Legs:
    """Raises what went wrong where no leg answered, or where it is the request's own fault."""
    errors = {name: search_errors.to_error(leg.said, index) for name, leg in legs.items() if leg.said is not None}
    late = [name for name, leg in legs.items() if leg.late and name not in errors]
    for error in errors.values():
        if error.http_status in (400, 404) or len(errors) == len(legs):
            raise error
    if legs and len(errors) + len(late) == len(legs):
        raise UpstreamTimeout("no leg of the search was done in time; try again or allow more")
    good = {name: leg for name, leg in legs.items() if name not in errors and name not in late}
    writes: dict[str, int] = {}
    for leg in good.values():
        for document_id, write in leg.writes.items():
            writes[document_id] = max(write, writes.get(document_id, -1))
    generations = sorted({name for leg in good.values() for name in leg.generations})
    hits = {
        name: tuple([hit for hit in leg.hits if leg.writes[hit.document_id] == writes[hit.document_id]])
        for name, leg in good.items()
    }
    return Legs(
        lexical=hits.get("lexical", ()),
        dense=hits.get("dense", ()),
        missing=tuple([name for name in legs if name not in good]),
        engine_ms={name: leg.took_ms for name, leg in legs.items()},
        generation=generations[-1] if generations else "",
    )

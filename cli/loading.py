"""Loads a folder through the gateway: several requests at once, repeated where that helps, resumable by versions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlencode

from cli.gateway_client import CallFailed, call
from cli.sending import Plan, batches, plan
from cli.target import Target
from slipstream.retrieval.drafts import Source
from slipstream.retrieval.ingest_report import Failure, Report
from slipstream.retrieval.parsing.parsed import Columns

AT_ONCE = 4
ATTEMPTS, FIRST_WAIT_S = 6, 1.0
FEWER = 4
"""By which the documents of a call are divided after one that reached none: 32 are down to one within ATTEMPTS."""
TOO_SLOW = "too_slow", "takes longer than one call may: put it into the documents bucket, or split it"
BUSY = "not_reached", "was not reached, nor another in a call of its own: the gateway is busy; run it again"
PAGE = 10_000
INGESTION_MINUTES = 5
"""That the function behind the documents bucket has for an object."""
Ask = Callable[[str, str, dict[str, Any] | None], Any]


class NothingFound(Exception):
    """What was to be loaded holds no document."""


class Loading:
    """One load into the index ``name``. ``on_plan`` hears how much there is to do, ``on_progress`` of each answer and
    ``on_wait`` why and for how many seconds nothing is sent.

    A call whose answer was lost (a time limit on the way, an engine that fell over behind it) is repeated, and finds
    documents of its own that it need not write: what became of a document is told by the plan and by what failed, not
    by the answers' sums. ``unheard`` counts documents whose passages no answer told.
    """

    def __init__(
        self,
        target: Target,
        name: str,
        *,
        on_plan: Callable[[Plan], None] = lambda made: None,
        on_progress: Callable[[Report], None] = lambda report: None,
        on_wait: Callable[[str, float], None] = lambda why, seconds: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._target = target
        self._path = f"/v1/indexes/{quote(name, safe='')}"
        self._on_plan = on_plan
        self._on_progress = on_progress
        self._on_wait = on_wait
        self._sleep = sleep
        self._older: set[str] = set()
        self._over = False
        self.report = Report(failed=[])
        self.unheard = 0

    def folder(self, source: Source, *, columns: Columns, delete_missing: bool) -> Report:
        """Bring the index up to ``source``. Raises CallFailed where the gateway stays away; what it took stays.
        Raises NothingFound where there is nothing in it, before anything is deleted.
        """
        began_s = time.monotonic()
        made = plan(source.items(), self._versions(), columns)
        if not made.seen:
            raise NothingFound
        self.report.unchanged, self._older = made.unchanged, made.older
        self._on_plan(made)
        try:
            self._send(made, columns)
            if delete_missing:
                self._delete_missing(made)
        finally:
            self.report.failed = [*made.failed, *self.report.failed]
            self.report.seconds = time.monotonic() - began_s
        return self.report

    def bucket(self, uri: str) -> Report:
        """Let the gateway load what lies below ``uri``, call by call. Raises CallFailed; NothingFound."""
        began_s, after, stuck = time.monotonic(), "", 0
        while True:
            told = self._patiently("POST", "/load", {"uri": uri, "after": after})
            stuck = stuck + 1 if told["after"] == after and not told["added"] + told["changed"] else 0
            self._add(told)
            self.report.unchanged += told["unchanged"] if told["after"] != after else 0
            self.report.seconds = time.monotonic() - began_s
            self._on_progress(self.report)
            if told["finished"]:
                if not told["after"]:
                    raise NothingFound
                return self.report
            if stuck >= ATTEMPTS:
                raise CallFailed(
                    f"a document behind '{after}' takes longer than one call may: copy it over itself in the bucket, "
                    f"and the ingestion function, which has {INGESTION_MINUTES} minutes, loads it"
                )
            after = told["after"]

    def _versions(self, **query: str) -> dict[str, str]:
        found: dict[str, str] = {}
        after = ""
        while True:
            asked = urlencode({"limit": PAGE, "after": after, **query})
            page = self._patiently("GET", f"/documents?{asked}", None)
            found |= {row["id"]: row["version"] for row in page["data"]}
            if not page["has_more"]:
                return found
            after = page["data"][-1]["id"]

    def _send(self, made: Plan, columns: Columns) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="load") as pool:
            running: deque[Future[Sequence[dict[str, Any]]]] = deque()
            try:
                for batch in batches(made, columns):
                    running.append(pool.submit(self._post, batch))
                    if len(running) > AT_ONCE:
                        self._take(running.popleft().result())
                while running:
                    self._take(running.popleft().result())
            except BaseException:
                self._over = True
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _post(self, batch: list[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Answers to ``batch``. Documents that there was no time for are sent again: as long as each call reaches some,
        and fewer at once where one reached none, until a document is alone.
        """
        answers: list[dict[str, Any]] = []
        held_up: list[dict[str, Any]] = []  # alone in their calls and not reached, since the last that was
        at_once, vain = len(batch), 0
        while batch and not self._over:
            told = self._patiently("POST", "/documents", {"documents": batch[:at_once]})
            late = {row["id"] for row in told["failed"] if row["code"] == "not_reached"}
            told["failed"] = [row for row in told["failed"] if row["id"] not in late]
            refused = late | {row["id"] for row in told["failed"]}
            done = [document["id"] for document in batch[:at_once] if document["id"] not in refused]
            answers.append(told | self._became(done))
            reached = len(late) < len(batch[:at_once])
            batch = [document for document in batch[:at_once] if document["id"] in late] + batch[at_once:]
            if reached:
                answers += [_failed(TOO_SLOW, each) for each in held_up]
                held_up, vain, at_once = [], 0, 2 * at_once
                continue
            vain += 1
            if vain < ATTEMPTS:
                at_once = max(1, at_once // FEWER)
                self._pause(vain)
                continue
            held_up.append(batch.pop(0))
            if len(held_up) > 1:  # not this document is slow: all are
                break
            at_once, vain = len(batch), 0
        slow = TOO_SLOW if len(held_up) == 1 else BUSY
        return answers + [_failed(slow, each) for each in (*held_up, *batch)]

    def _pause(self, vain: int) -> None:
        wait_s = FIRST_WAIT_S * 2 ** (vain - 1)
        self._on_wait("The gateway is busy: a call's time was over before it reached a document.", wait_s)
        self._sleep(wait_s)

    def _became(self, done: Sequence[str]) -> dict[str, int]:
        changed = sum(document_id in self._older for document_id in done)
        return {"added": len(done) - changed, "changed": changed}

    def _take(self, answers: Sequence[dict[str, Any]]) -> None:
        for told in answers:
            self._add(told)
            self.unheard += told.get("unchanged", 0)
        self._on_progress(self.report)

    def _add(self, told: dict[str, Any]) -> None:
        report = self.report
        report.added += told.get("added", 0)
        report.changed += told.get("changed", 0)
        report.passages += told.get("passages", 0)
        report.embedded += told.get("embedded", 0)
        report.failed += [Failure(row["id"], row["code"], row["reason"], row.get("retryable", False))
                          for row in told["failed"]]  # fmt: skip

    def _delete_missing(self, made: Plan) -> None:
        kept = set(made.seen)
        for origin in made.unread:
            kept |= set(self._versions(origin=origin))
        gone = sorted(set(self._versions()) - kept)
        for at in range(0, len(gone), 1000):
            self._patiently("POST", "/documents/delete", {"ids": gone[at : at + 1000]})
        self.report.deleted = len(gone)

    def _patiently(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        for attempt in range(ATTEMPTS - 1):
            try:
                return call(self._target, method, f"{self._path}{path}", body)
            except CallFailed as error:
                if not error.retryable or self._over:
                    raise
                wait_s = error.retry_after_s or FIRST_WAIT_S * 2**attempt
                self._on_wait(str(error), wait_s)
                self._sleep(wait_s)
        return call(self._target, method, f"{self._path}{path}", body)


def _failed(why: tuple[str, str], document: dict[str, Any]) -> dict[str, Any]:
    code, reason = why
    row = {"id": document["id"], "code": code, "reason": f"'{document['id']}' {reason}", "retryable": why is BUSY}
    return {"failed": [row]}

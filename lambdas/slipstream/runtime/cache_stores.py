"""Where kept answers and what is known of them lie: one table and one bucket, or this process's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from slipstream.once import Once
from slipstream.runtime.cache_settings import CacheSettings

if TYPE_CHECKING:
    from slipstream.aws.dynamodb import Table
    from slipstream.aws.object_bodies import ObjectBodies
    from slipstream.aws.places import Authorizes, Places
    from slipstream.aws.transport import Transport
    from slipstream.caching.filling.asked import AskedStore
    from slipstream.caching.semantic.ports import LearningStore, QuestionStore
    from slipstream.caching.store import AnswerStore
    from slipstream.caching.tally import Tally

STORE_TIMEOUT_S = 1.0
"""What a table that does not answer may hold a look-up's thread, or the work after the last byte. The caller waits for
``limit_ms`` at most."""


class CacheStores(NamedTuple):
    """What hosts in one process share. Those that are functions are made when they are first called."""

    answers: AnswerStore
    tally: Tally
    questions: Callable[[], QuestionStore]
    labels: Callable[[], LearningStore]
    asked: Callable[[], AskedStore]
    """The log of what is asked; not called where nothing is logged."""


class TableStores:
    """The stores of a deployment's table and bucket, made one by one. Nothing is called yet."""

    def __init__(
        self,
        settings: CacheSettings,
        *,
        transport: Transport,
        auth: Authorizes,
        places: Places,
        timeout_s: float = STORE_TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._auth = auth
        self._places = places
        self._timeout_s = timeout_s

    def table(self) -> Table:
        """The table of answers and of all that is known of them."""
        from slipstream.aws.dynamodb import Table, dynamodb

        service = dynamodb(
            transport=self._transport, auth=self._auth, places=self._places, timeout_s=self._timeout_s
        )  # fmt: skip
        return Table(self._settings.table, service)

    def objects(self) -> ObjectBodies | None:
        """What does not fit an item; None: it is not kept."""
        if not self._settings.bucket:
            return None
        from slipstream.aws.object_bodies import ObjectBodies

        return ObjectBodies(
            self._settings.bucket, transport=self._transport, auth=self._auth, places=self._places,
            timeout_s=self._timeout_s,
        )  # fmt: skip

    def answers(self) -> AnswerStore:
        """See CacheStores."""
        from slipstream.aws.answer_store import DynamoAnswerStore

        return DynamoAnswerStore(self.table(), self.objects())

    def tally(self) -> Tally:
        """See CacheStores."""
        from slipstream.aws.tally_store import DynamoTallyStore
        from slipstream.caching.tally import Tally

        return Tally(DynamoTallyStore(self.table()))

    def questions(self) -> QuestionStore:
        """See CacheStores."""
        from slipstream.aws.question_store import DynamoQuestionStore

        return DynamoQuestionStore(self.table())

    def labels(self) -> LearningStore:
        """See CacheStores."""
        from slipstream.aws.learning_store import DynamoLearningStore

        return DynamoLearningStore(self.table(), self.objects())

    def asked(self) -> AskedStore:
        """See CacheStores."""
        from slipstream.aws.asked_table import DynamoAskedStore

        return DynamoAskedStore(self.table())


class MemoryStores:
    """The same in this process's memory."""

    def answers(self) -> AnswerStore:
        """See CacheStores."""
        from slipstream.fakes.answer_store import MemoryAnswerStore

        return MemoryAnswerStore()

    def tally(self) -> Tally:
        """See CacheStores."""
        from slipstream.caching.tally import Tally
        from slipstream.fakes.tally_store import MemoryTallyStore

        return Tally(MemoryTallyStore())

    def questions(self) -> QuestionStore:
        """See CacheStores."""
        from slipstream.fakes.question_store import MemoryQuestionStore

        return MemoryQuestionStore()

    def labels(self) -> LearningStore:
        """See CacheStores."""
        from slipstream.fakes.learning_store import MemoryLearningStore

        return MemoryLearningStore()

    def asked(self) -> AskedStore:
        """See CacheStores."""
        from slipstream.fakes.asked_store import MemoryAskedStore

        return MemoryAskedStore()


def cache_stores(settings: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> CacheStores:
    """Of a deployment where ``settings`` name a table, else of this process. Nothing is called yet."""
    makes = (
        TableStores(settings, transport=transport, auth=auth, places=places) if settings.table else MemoryStores()
    )  # fmt: skip
    return CacheStores(makes.answers(), makes.tally(), Once(makes.questions), Once(makes.labels), Once(makes.asked))

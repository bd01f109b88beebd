"""A process that loads a folder into a real engine, and says a line after each write: to be killed by a test."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.resolve import Resolver
from slipstream.retrieval.document import Document
from slipstream.retrieval.drafts import drafts
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest import Ingestion, Pace
from slipstream.retrieval.ports import Failed

PACE = Pace(side_by_side=2, passages=4, batch_passages=5)


class Telling(OpenSearchDocuments):
    """Says when a write is done, and waits for a word before the next."""

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        """See DocumentIndex."""
        failed = super().write(index, documents, generation=generation, if_absent=if_absent)
        sys.stdout.write("written\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return failed


if __name__ == "__main__":
    url, name, folder = sys.argv[1:]
    loading = Ingestion(Telling(connect(url)), name, HashingEmbedder(), Resolver(region="us-east-1").target, pace=PACE)
    loading.run(drafts(Folder(Path(folder)).items()))

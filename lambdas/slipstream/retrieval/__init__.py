"""Documents in, the five passages that answer a question out: ingestion, hybrid search, re-ranking, citations."""

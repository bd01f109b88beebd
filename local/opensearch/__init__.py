"""A real OpenSearch for the local stack: which one, where it comes from, how it is started."""

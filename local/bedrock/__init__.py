"""A Bedrock that runs on a laptop: true wire formats, a latency model, caches, quotas and faults on demand."""

"""``python -m local.bedrock``."""

from local.bedrock.command import bedrock

bedrock()

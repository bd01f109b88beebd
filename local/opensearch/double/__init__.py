"""The in-memory double as a server: that part of OpenSearch's REST API which the adapters in `slipstream.aws` speak.

It stands in for an engine where none can be had, so that the deployed functions, which know nothing of it, search.
"""

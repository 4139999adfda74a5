"""The HTTP API of the service. Does not know how training works."""

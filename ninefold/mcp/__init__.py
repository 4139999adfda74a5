"""The Model Context Protocol: a service as tools of an assistant."""

"""The address of a service on this machine. Imports nothing, so that `ninefold --help` stays fast."""

DEFAULT_URL = "http://127.0.0.1:8000"

"""What a user holds: the command line and the Python client."""

from ninefold.client import Client

__all__ = ["Client"]

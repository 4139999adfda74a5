"""Addresses in answers."""

from fastapi import Request


def root_path(request: Request) -> str:
    """Return what a proxy in front put before every path of the service; usually nothing."""
    path: str = request.scope.get("root_path", "")
    return path

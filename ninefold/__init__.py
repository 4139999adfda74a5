"""What a user holds: the command line and the Python client."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninefold.client.client import Client
    from ninefold.errors import NinefoldError

__all__ = ["Client", "NinefoldError"]


def __getattr__(name: str) -> object:
    # Imported on first use: the small processes in this package start without httpx, five times faster.
    if name == "Client":
        from ninefold.client.client import Client  # noqa: PLC0415

        return Client
    if name == "NinefoldError":
        from ninefold.errors import NinefoldError  # noqa: PLC0415

        return NinefoldError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

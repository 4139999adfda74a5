"""The command line and the Python client of Ninefold: `from ninefold import Client, NinefoldError`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ninefold.client.client import Client
    from ninefold.errors import NinefoldError

__all__ = ["Client", "NinefoldError"]


def __getattr__(name: str) -> object:
    # Imported on first use: processes of this package that need no httpx start five times faster without it.
    if name == "Client":
        from ninefold.client.client import Client  # noqa: PLC0415

        return Client
    if name == "NinefoldError":
        from ninefold.errors import NinefoldError  # noqa: PLC0415

        return NinefoldError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

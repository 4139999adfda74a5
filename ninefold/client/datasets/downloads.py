"""Writes what the service sends to new files."""

from pathlib import Path

import httpx

from ninefold.client.transport import TIMEOUT_S, Transport
from ninefold.errors import NinefoldError

_CHUNK_BYTES = 1 << 20


def download(transport: Transport, address: str, path: Path) -> None:
    """Write the answer of an address to a file, which must not exist; a download that fails leaves nothing.

    Raises:
        NinefoldError: the file exists or cannot be written, or the service refuses.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            raise NinefoldError(f"{path} exists already: choose another name.", code="file_exists")
        with (
            part.open("wb") as file,
            transport.stream(address, {}, httpx.Timeout(TIMEOUT_S)) as response,
        ):
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                file.write(chunk)
        part.replace(path)
    except httpx.TransportError as error:
        raise transport.unreachable(error) from error
    except OSError as error:
        raise NinefoldError(f"{path} cannot be written: {error.strerror}.", code="not_written") from error
    finally:
        part.unlink(missing_ok=True)

"""Sends one request over and over on keep-alive connections; as little client as can be, so the server is measured."""

import asyncio
import time

CONNECTIONS = 16


def request_bytes(method: str, path: str, host: str, body: bytes = b"") -> bytes:
    """A whole HTTP/1.1 request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(b" ", 2)[1])


async def _one_connection(port: int, request: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        status = await _exchange(reader, writer, request)
        assert status < 300, f"answered {status}"
    writer.close()


async def _many(port: int, request: bytes, count: int) -> float:
    begun = time.monotonic()
    each = count // CONNECTIONS
    await asyncio.gather(*(_one_connection(port, request, each) for _ in range(CONNECTIONS)))
    return each * CONNECTIONS / (time.monotonic() - begun)


def requests_per_s(port: int, request: bytes, count: int) -> float:
    """How many answers a second, for so many requests over several connections."""
    return asyncio.run(_many(port, request, count))

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


async def _one_connection(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    done = 0
    while time.monotonic() < until:
        status = await _exchange(reader, writer, request)
        assert status < 300, f"answered {status}"
        done += 1
    writer.close()
    return done


async def _many(port: int, request: bytes, seconds: float) -> float:
    begun = time.monotonic()
    until = begun + seconds
    counts = await asyncio.gather(*(_one_connection(port, request, until) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.monotonic() - begun)


def requests_per_s(port: int, request: bytes, seconds: float) -> float:
    """How many answers a second, over several connections."""
    return asyncio.run(_many(port, request, seconds))

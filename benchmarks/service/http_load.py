"""Sends one HTTP request repeatedly on keep-alive connections, with so little client work that the server is the bottleneck."""

import asyncio
import time

CONNECTIONS = 16


def request_bytes(method: str, path: str, host: str, body: bytes = b"") -> bytes:
    """Return a complete HTTP/1.1 request with a JSON body."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(head.split(b" ", 2)[1])


async def _use_one_connection(port: int, request: bytes, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        status = await _exchange(reader, writer, request)
        assert status < 300, f"answered {status}"
    writer.close()


async def _measure(port: int, request: bytes, count: int) -> float:
    started_at = time.monotonic()
    each = count // CONNECTIONS
    await asyncio.gather(*(_use_one_connection(port, request, each) for _ in range(CONNECTIONS)))
    return each * CONNECTIONS / (time.monotonic() - started_at)


def requests_per_s(port: int, request: bytes, count: int) -> float:
    """Send `request` about `count` times over 16 connections; return the answers per second."""
    return asyncio.run(_measure(port, request, count))

"""Frames arrive whole and in order; incomplete and oversized frames are handled."""

import asyncio
import socket
import struct

import pytest

from api.predictor.protocol.channel import Channel
from api.predictor.protocol.framing import MAX_BODY_BYTES, MAX_HEADER_BYTES, frame_head
from api.predictor.protocol.messages import Cancel, Image, Open, Ping, ProtocolError


async def _connected_channels() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return (
        Channel(*await asyncio.open_connection(sock=ours)),
        Channel(*await asyncio.open_connection(sock=theirs)),
    )


def _receive_bytes(data: bytes) -> object:
    """The result of `Channel.receive` after the other end sent `data` and closed the connection."""

    async def receive() -> object:
        ours, theirs = socket.socketpair()
        channel = Channel(*await asyncio.open_connection(sock=ours))
        with theirs:
            theirs.sendall(data)
        try:
            return await channel.receive()
        finally:
            await channel.close()

    return asyncio.run(receive())


def test_messages_and_bodies_arrive_whole_and_in_order() -> None:
    request = Open(request_id=1, model="mdl_a", image_count=2, total_bytes=3_000_000, top_k=5, deadline_s=30)

    async def exchange() -> list[object]:
        left, right = await _connected_channels()
        left.send(request)
        left.send(Image(request_id=1, index=0), b"\xff" * 3_000_000)
        left.send(Ping())
        received = [await right.receive() for _ in range(3)]
        await left.close()
        received.append(await right.receive())
        await right.close()
        return list(received)

    first, second, third, end = asyncio.run(exchange())
    assert first == (request, b"")
    assert second == (Image(request_id=1, index=0), b"\xff" * 3_000_000)
    assert third == (Ping(), b"")
    assert end is None


def test_a_frame_that_is_no_longer_wanted_is_not_sent() -> None:
    async def exchange() -> object:
        left, right = await _connected_channels()
        left.send(Image(request_id=1, index=0), b"large", is_wanted=lambda: False)
        left.send(Cancel(request_id=1))
        received = await right.receive()
        await left.close()
        await right.close()
        return received

    assert asyncio.run(exchange()) == (Cancel(request_id=1), b"")


def test_a_frame_that_is_too_large_is_refused_at_once_and_the_next_is_sent() -> None:
    async def exchange() -> object:
        left, right = await _connected_channels()
        with pytest.raises(ProtocolError, match="allowed"):
            left.send(Image(request_id=1, index=0), bytearray(MAX_BODY_BYTES + 1))
        left.send(Cancel(request_id=1))
        received = await right.receive()
        await left.close()
        await right.close()
        return received

    assert asyncio.run(exchange()) == (Cancel(request_id=1), b"")


def test_an_incomplete_frame_is_the_end_of_the_connection() -> None:
    whole = frame_head(Image(request_id=1, index=0), 10) + b"0123456789"
    assert _receive_bytes(whole) == (Image(request_id=1, index=0), b"0123456789")
    for length in range(len(whole)):
        assert _receive_bytes(whole[:length]) is None


@pytest.mark.parametrize(
    ("header_bytes", "body_bytes"),
    [(0, 0), (MAX_HEADER_BYTES + 1, 0), (2, MAX_BODY_BYTES + 1), (2**32 - 1, 0)],
)
def test_lengths_above_the_limits_are_refused_before_header_and_body_are_read(
    header_bytes: int, body_bytes: int
) -> None:
    with pytest.raises(ProtocolError, match="allowed"):
        _receive_bytes(struct.pack(">II", header_bytes, body_bytes))

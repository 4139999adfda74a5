"""Frames arrive whole, in order and under their caps, whatever the other end does."""

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.predictor.protocol.channel import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    Cancel,
    Channel,
    Image,
    Open,
    Ping,
    WireError,
    frame_head,
    parse_header,
    parse_lengths,
)


async def _pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return (
        Channel(*await asyncio.open_connection(sock=ours)),
        Channel(*await asyncio.open_connection(sock=theirs)),
    )


def _receive_raw(data: bytes) -> object:
    """What a channel makes of bytes after which the other end hangs up."""

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
    opened = Open(request=1, model_id="mdl_a", images=2, total_bytes=3_000_000, top_k=5, deadline_s=30)

    async def exchange() -> list[object]:
        left, right = await _pair()
        left.send(opened)
        left.send(Image(request=1, index=0), b"\xff" * 3_000_000)
        left.send(Ping())
        received = [await right.receive() for _ in range(3)]
        await left.close()
        received.append(await right.receive())
        await right.close()
        return list(received)

    first, second, third, end = asyncio.run(exchange())
    assert first == (opened, b"")
    assert second == (Image(request=1, index=0), b"\xff" * 3_000_000)
    assert third == (Ping(), b"")
    assert end is None


def test_a_frame_that_nobody_wants_any_more_is_left_out() -> None:
    async def exchange() -> object:
        left, right = await _pair()
        left.send(Image(request=1, index=0), b"large", wanted=lambda: False)
        left.send(Cancel(request=1))
        received = await right.receive()
        await left.close()
        await right.close()
        return received

    assert asyncio.run(exchange()) == (Cancel(request=1), b"")


def test_half_a_frame_is_the_end_of_the_connection() -> None:
    whole = frame_head(Image(request=1, index=0), 10) + b"0123456789"
    assert _receive_raw(whole) == (Image(request=1, index=0), b"0123456789")
    for length in range(len(whole)):
        assert _receive_raw(whole[:length]) is None


@pytest.mark.parametrize(
    ("header_bytes", "body_bytes"),
    [(0, 0), (MAX_HEADER_BYTES + 1, 0), (2, MAX_BODY_BYTES + 1), (2**32 - 1, 0)],
)
def test_lengths_above_the_caps_are_refused_before_anything_is_read(
    header_bytes: int, body_bytes: int
) -> None:
    with pytest.raises(WireError, match="allowed"):
        _receive_raw(struct.pack(">II", header_bytes, body_bytes))


def test_a_body_above_the_cap_is_never_announced() -> None:
    with pytest.raises(WireError, match="allowed"):
        frame_head(Image(request=1, index=0), MAX_BODY_BYTES + 1)


@given(st.binary(max_size=200))
def test_a_header_is_one_of_our_messages_or_refused(header: bytes) -> None:
    with pytest.raises(WireError):
        parse_header(header)


@pytest.mark.parametrize(
    "header",
    [
        b'{"kind": "shutdown"}',
        b'{"kind": "image", "request": 1, "index": -1}',
        b'{"kind": "open", "request": 1, "model_id": "m", "images": 0, "total_bytes": 0, "top_k": 1, "deadline_s": 1}',
        b'{"kind": "ping", "surprise": 1}',
    ],
)
def test_a_message_with_wrong_fields_is_refused(header: bytes) -> None:
    with pytest.raises(WireError):
        parse_header(header)


@given(st.integers(1, MAX_HEADER_BYTES), st.integers(0, MAX_BODY_BYTES))
def test_lengths_survive_the_wire(header_bytes: int, body_bytes: int) -> None:
    assert parse_lengths(struct.pack(">II", header_bytes, body_bytes)) == (header_bytes, body_bytes)

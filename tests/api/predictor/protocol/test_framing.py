"""The lengths at the start of a frame, and their limits."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.predictor.protocol.framing import MAX_BODY_BYTES, MAX_HEADER_BYTES, frame_head, parse_lengths
from api.predictor.protocol.messages import Image, ProtocolError


def test_a_body_above_the_limit_cannot_be_framed() -> None:
    with pytest.raises(ProtocolError, match="allowed"):
        frame_head(Image(request_id=1, index=0), MAX_BODY_BYTES + 1)


@given(st.integers(1, MAX_HEADER_BYTES), st.integers(0, MAX_BODY_BYTES))
def test_packed_lengths_are_parsed_to_the_same_lengths(header_bytes: int, body_bytes: int) -> None:
    assert parse_lengths(struct.pack(">II", header_bytes, body_bytes)) == (header_bytes, body_bytes)

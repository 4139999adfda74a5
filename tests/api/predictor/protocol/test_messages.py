"""Headers that are not messages of the protocol are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.predictor.protocol.messages import ProtocolError, parse_message


@given(st.binary(max_size=200))
def test_a_header_of_random_bytes_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_message(header)


@pytest.mark.parametrize(
    "header",
    [
        b'{"kind": "shutdown"}',
        b'{"kind": "image", "request_id": 1, "index": -1}',
        b'{"kind": "open", "request_id": 1, "model_id": "m", "image_count": 0, "total_bytes": 0, "top_k": 1, "deadline_s": 1}',
        b'{"kind": "ping", "surprise": 1}',
    ],
)
def test_a_message_with_wrong_fields_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_message(header)

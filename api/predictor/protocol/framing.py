"""The layout of a frame: two big-endian lengths, a JSON header of at most 64 KiB, a body of at most 64 MiB."""

import struct

from api.predictor.protocol.messages import Message, ProtocolError

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


def frame_head(message: Message, body_bytes: int = 0) -> bytes:
    """Build the lengths and the header of a frame; the body follows them on the socket."""
    header = message.model_dump_json().encode()
    _check_lengths(len(header), body_bytes)
    return LENGTHS.pack(len(header), body_bytes) + header


def parse_lengths(head: bytes) -> tuple[int, int]:
    """Return the lengths of header and body from the start of a frame; raises `ProtocolError` above the limits."""
    header_bytes, body_bytes = LENGTHS.unpack(head)
    _check_lengths(header_bytes, body_bytes)
    return header_bytes, body_bytes


def _check_lengths(header_bytes: int, body_bytes: int) -> None:
    if not 0 < header_bytes <= MAX_HEADER_BYTES:
        raise ProtocolError(f"A header has {header_bytes} bytes: 1 to {MAX_HEADER_BYTES} are allowed.")
    if body_bytes > MAX_BODY_BYTES:
        raise ProtocolError(f"A body has {body_bytes} bytes: at most {MAX_BODY_BYTES} are allowed.")

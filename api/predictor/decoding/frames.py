"""What the predictor and a decoding child send to each other over the child's standard input and output.

The predictor sends a `Task` and the file. The child answers with frames: `PIXELS` (how many it is about to hold; it waits
for one byte before it goes on), and then `DONE` (the pixels) or `REFUSED` (code and message as JSON).
"""

import struct
from typing import IO, NamedTuple

from model.spec import Resize

TASK = struct.Struct("!IIBB")
HEAD = struct.Struct("!cI")
COUNT = struct.Struct("!Q")
PIXELS, DONE, REFUSED = b"P", b"D", b"R"
GO = b"g"
_RESIZES = tuple(Resize)


class Task(NamedTuple):
    """One file to decode."""

    size_bytes: int
    image_size: int
    sample_bits: int
    resize: Resize

    def packed(self) -> bytes:
        """Return the bytes to send before the file."""
        return TASK.pack(self.size_bytes, self.image_size, self.sample_bits, _RESIZES.index(self.resize))

    @classmethod
    def unpacked(cls, data: bytes) -> "Task":
        """Return the task of such bytes."""
        size_bytes, image_size, sample_bits, resize = TASK.unpack(data)
        return cls(size_bytes, image_size, sample_bits, _RESIZES[resize])


def read_frame(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """Return kind and contents of the next frame; raises EOFError when the child has ended."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    kind, size_bytes = HEAD.unpack(head)
    contents = stream.read(size_bytes)
    if len(contents) < size_bytes:
        raise EOFError
    return kind, contents


def write_frame(stream: IO[bytes], kind: bytes, contents: bytes) -> None:
    """Send one frame."""
    stream.write(HEAD.pack(kind, len(contents)) + contents)
    stream.flush()

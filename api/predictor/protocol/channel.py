"""What the API and the predictor say to each other, and how it is framed; knows neither HTTP nor torch.

A frame is two big-endian lengths, a JSON header of at most 64 KiB and raw bytes of at most 64 MiB.
"""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_SLICE_BYTES = 256 * 1024  # asyncio copies what the socket does not take at once: keep that small


class WireError(Exception):
    """Raised when the other end sends something that is no frame of ours."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ping(_Message):
    """API or parent → predictor: are you there?"""

    kind: Literal["ping"] = "ping"


class Pong(_Message):
    """The answer; `ready` once torch is loaded."""

    kind: Literal["pong"] = "pong"
    ready: bool


class Open(_Message):
    """API → predictor: a request of so many images begins; an `image` frame follows for each."""

    kind: Literal["open"] = "open"
    request: int
    model_id: str
    images: Annotated[int, Field(ge=1)]
    total_bytes: Annotated[int, Field(ge=0)]
    top_k: Annotated[int, Field(ge=1)]
    deadline_s: Annotated[float, Field(gt=0)]


class Image(_Message):
    """API → predictor: one image of a request; its bytes are the frame's body."""

    kind: Literal["image"] = "image"
    request: int
    index: Annotated[int, Field(ge=0)]


class Cancel(_Message):
    """API → predictor: nobody waits for this request any more."""

    kind: Literal["cancel"] = "cancel"
    request: int


class Timings(_Message):
    """Where the slowest image of a request spent its time, in milliseconds."""

    queue: float
    decode: float
    infer: float


class Answer(_Message):
    """Predictor → API: the end of a request; the body is a JSON list, one `ItemAnswer` an image."""

    kind: Literal["answer"] = "answer"
    request: int
    timings_ms: Timings


class Refusal(_Message):
    """Predictor → API: the end of a request that failed as a whole."""

    kind: Literal["refusal"] = "refusal"
    request: int
    code: str
    message: str
    retry_after_s: int | None = None


Message = Ping | Pong | Open | Image | Cancel | Answer | Refusal
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


class Score(_Message):
    """One class and the calibrated probability that the image shows it."""

    label: str
    score: float


class ItemError(_Message):
    """Why one image of a request got no prediction."""

    code: str
    message: str


class ItemAnswer(_Message):
    """What became of one image: `scores`, best first, or `error`."""

    scores: list[Score] = []
    error: ItemError | None = None


ITEM_ANSWERS: TypeAdapter[list[ItemAnswer]] = TypeAdapter(list[ItemAnswer])


def frame_head(message: Message, body_bytes: int = 0) -> bytes:
    """Everything of a frame but its body."""
    header = message.model_dump_json().encode()
    _check_lengths(len(header), body_bytes)
    return LENGTHS.pack(len(header), body_bytes) + header


def parse_header(header: bytes) -> Message:
    """The message of a frame's header; raises `WireError`."""
    try:
        return _MESSAGE.validate_json(header)
    except ValidationError as error:
        raise WireError(f"no message of ours: {error.error_count()} faults in a header") from error


def parse_lengths(head: bytes) -> tuple[int, int]:
    """Header and body length of the frame that `head` begins; raises `WireError` above the caps."""
    header_bytes, body_bytes = LENGTHS.unpack(head)
    _check_lengths(header_bytes, body_bytes)
    return header_bytes, body_bytes


def _check_lengths(header_bytes: int, body_bytes: int) -> None:
    if not 0 < header_bytes <= MAX_HEADER_BYTES:
        raise WireError(f"a header of {header_bytes} bytes: 1 to {MAX_HEADER_BYTES} are allowed")
    if body_bytes > MAX_BODY_BYTES:
        raise WireError(f"a body of {body_bytes} bytes: at most {MAX_BODY_BYTES} are allowed")


class Channel:
    """Both directions of one connection: frames go out whole and in order, whoever is cancelled meanwhile."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._outbox: deque[tuple[Message, bytes, Callable[[], bool] | None]] = deque()
        self._outgoing = asyncio.Event()
        self._sender = asyncio.create_task(self._send_all())

    def send(self, message: Message, body: bytes = b"", *, wanted: Callable[[], bool] | None = None) -> None:
        """Queues one frame; it is left out if `wanted` says no when its turn comes."""
        self._outbox.append((message, body, wanted))
        self._outgoing.set()

    async def receive(self) -> tuple[Message, bytes] | None:
        """The next frame, or `None` when the other end is gone; raises `WireError`."""
        try:
            header_bytes, body_bytes = parse_lengths(await self._reader.readexactly(LENGTHS.size))
            message = parse_header(await self._reader.readexactly(header_bytes))
            return message, await self._reader.readexactly(body_bytes) if body_bytes else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Drops what is unsent and closes the socket."""
        self._sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await self._sender
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _send_all(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reading side sees the same end and acts on it
            while True:
                await self._outgoing.wait()
                while self._outbox:
                    message, body, wanted = self._outbox.popleft()
                    if wanted is None or wanted():
                        await self._send(message, body)
                self._outgoing.clear()

    async def _send(self, message: Message, body: bytes) -> None:
        self._writer.write(frame_head(message, len(body)))
        view = memoryview(body)
        for start in range(0, len(body), _SLICE_BYTES):
            self._writer.write(view[start : start + _SLICE_BYTES])
            await self._writer.drain()
        await self._writer.drain()

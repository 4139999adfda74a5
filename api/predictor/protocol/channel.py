"""Sends and receives frames over one asyncio connection."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable

from api.predictor.protocol.framing import LENGTHS, frame_head, parse_lengths
from api.predictor.protocol.image_data import Bytes
from api.predictor.protocol.messages import Message, parse_message

_SLICE_BYTES = (
    256 * 1024
)  # asyncio copies the bytes that the socket does not take at once: keep the copy small


_log = logging.getLogger(__name__)


class Channel:
    """Both directions of one connection.

    One task sends all frames whole and in order, so that the cancellation of a caller never cuts a frame short.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unsent: deque[tuple[bytes, Bytes, Callable[[], bool] | None]] = deque()
        self._has_unsent = asyncio.Event()
        self._sender = asyncio.create_task(self._send_all())

    def send(
        self, message: Message, body: Bytes = b"", *, is_wanted: Callable[[], bool] | None = None
    ) -> None:
        """Queue one frame; the channel drops the frame if `is_wanted` returns false just before it is sent.

        Raises:
            ProtocolError: the frame is too large; nothing was queued.
        """
        self._unsent.append((frame_head(message, len(body)), body, is_wanted))
        self._has_unsent.set()

    async def receive(self) -> tuple[Message, bytes] | None:
        """Return the next frame, or `None` once the other end closed the connection; raises `ProtocolError`."""
        try:
            header_bytes, body_bytes = parse_lengths(await self._reader.readexactly(LENGTHS.size))
            message = parse_message(await self._reader.readexactly(header_bytes))
            return message, await self._reader.readexactly(body_bytes) if body_bytes else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Drop the unsent frames and close the socket."""
        self._sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await self._sender
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _send_all(self) -> None:
        try:
            while True:
                await self._has_unsent.wait()
                while self._unsent:
                    head, body, is_wanted = self._unsent.popleft()
                    if is_wanted is None or is_wanted():
                        await self._send(head, body)
                self._has_unsent.clear()
        except ConnectionError:
            pass  # `receive` sees the end of the connection too and reports it
        except Exception:  # noqa: BLE001  # without its sender the connection would hang
            _log.exception("closing a connection whose sender failed")
            self._writer.transport.abort()

    async def _send(self, head: bytes, body: Bytes) -> None:
        self._writer.write(head)
        view = memoryview(body)
        for start in range(0, len(body), _SLICE_BYTES):
            self._writer.write(view[start : start + _SLICE_BYTES])
            await self._writer.drain()
        await self._writer.drain()

"""Serves the predictor's Unix socket: one task per request. Knows no torch."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from api.predictor.errors import AnswerTooLargeError, InferenceFailedError, PredictionError
from api.predictor.protocol.channel import Channel
from api.predictor.protocol.image_data import ImageData
from api.predictor.protocol.messages import (
    ITEM_ANSWERS,
    Answer,
    Cancel,
    Failure,
    Image,
    ItemAnswer,
    Message,
    Open,
    Ping,
    Pong,
    ProtocolError,
)
from api.predictor.serving.classification import ImageQueue, RequestClassifier

log = logging.getLogger(__name__)


class Connection:
    """The connection of one API process and its requests in flight."""

    def __init__(self, channel: Channel, classifier: RequestClassifier, pong: Callable[[], Pong]) -> None:
        self._channel = channel
        self._classifier = classifier
        self._pong = pong
        self._image_queues: dict[int, ImageQueue] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Handle messages until the API closes the connection or breaks the protocol; then cancel its requests."""
        try:
            while (frame := await self._channel.receive()) is not None:
                self._handle(*frame)
        except ProtocolError as error:
            log.warning("closing a connection: %s", error)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await self._channel.close()

    def _handle(self, message: Message, body: bytes) -> None:
        match message:
            case Open():
                self._open(message)
            case Image(request_id=request_id, index=index, height_width=height_width):
                if request_id in self._image_queues:  # a request that failed early is no longer there
                    self._image_queues[request_id].put(index, ImageData(body, height_width))
            case Cancel(request_id=request_id):
                if request_id in self._tasks:
                    self._tasks[request_id].cancel()
            case Ping():
                self._channel.send(self._pong())
            case _:
                raise ProtocolError(f"The predictor does not receive messages of kind '{message.kind}'.")

    def _open(self, message: Open) -> None:
        if message.request_id in self._tasks:
            raise ProtocolError(f"Request {message.request_id} was opened twice.")
        images = self._image_queues[message.request_id] = ImageQueue()
        self._tasks[message.request_id] = asyncio.create_task(self._answer(message, images))

    async def _answer(self, request: Open, images: ImageQueue) -> None:
        try:
            answer, items = await self._classifier.answer(request, images)
            self._send_answer(answer, items)
        except PredictionError as error:
            self._send_failure(request, error)
        except Exception:
            log.exception("a request failed")
            self._send_failure(request, InferenceFailedError("The predictor failed on this request."))
        finally:
            del self._image_queues[request.request_id], self._tasks[request.request_id]

    def _send_answer(self, answer: Answer, items: list[ItemAnswer]) -> None:
        try:
            self._channel.send(answer, ITEM_ANSWERS.dump_json(items))
        except ProtocolError as error:
            raise AnswerTooLargeError(
                "The scores of these images are too large for one answer: send fewer images, or lower top_k."
            ) from error

    def _send_failure(self, request: Open, error: PredictionError) -> None:
        self._channel.send(
            Failure(
                request_id=request.request_id,
                code=error.code,
                message=str(error),
                retry_after_s=error.retry_after_s,
            )
        )


async def listen(path: Path, classifier: RequestClassifier, pong: Callable[[], Pong]) -> asyncio.Server:
    """Serve the Unix socket `path`; its mode 0600 lets only this user connect. `pong` makes the answer to a ping."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The task is cancelled only when the predictor ends; asyncio's streams would log the cancellation as a fault.
        with contextlib.suppress(asyncio.CancelledError):
            await Connection(Channel(reader, writer), classifier, pong).serve()

    previous_mask = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, path)
    finally:
        os.umask(previous_mask)

"""The predictor's socket: one task a request, cancelled when the API says so or goes away; knows no torch."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from api.predictor.errors import InferenceFailedError, PredictionError
from api.predictor.protocol.channel import (
    ITEM_ANSWERS,
    Cancel,
    Channel,
    Image,
    Message,
    Open,
    Ping,
    Pong,
    Refusal,
    WireError,
)
from api.predictor.serving.classification import Inbox, PredictionService

log = logging.getLogger(__name__)


class Connection:
    """One API process at the other end, with its requests under way."""

    def __init__(self, channel: Channel, service: PredictionService, is_ready: Callable[[], bool]) -> None:
        self._channel = channel
        self._service = service
        self._is_ready = is_ready
        self._inboxes: dict[int, Inbox] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Until the other end is gone or talks nonsense; then all of its requests are dropped."""
        try:
            while (frame := await self._channel.receive()) is not None:
                self._handle(*frame)
        except WireError as error:
            log.warning("closing a connection: %s", error)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await self._channel.close()

    def _handle(self, message: Message, body: bytes) -> None:
        match message:
            case Open():
                self._open(message)
            case Image(request=request, index=index):
                if request in self._inboxes:  # refused ones are gone already
                    self._inboxes[request].put(index, body)
            case Cancel(request=request):
                if request in self._tasks:
                    self._tasks[request].cancel()
            case Ping():
                self._channel.send(Pong(ready=self._is_ready()))
            case _:
                raise WireError(f"'{message.kind}' is not for the predictor to hear")

    def _open(self, message: Open) -> None:
        if message.request in self._tasks:
            raise WireError(f"request {message.request} was opened twice")
        inbox = self._inboxes[message.request] = Inbox()
        self._tasks[message.request] = asyncio.create_task(self._answer(message, inbox))

    async def _answer(self, request: Open, inbox: Inbox) -> None:
        try:
            answer, items = await self._service.answer(request, inbox)
            self._channel.send(answer, ITEM_ANSWERS.dump_json(items))
        except PredictionError as error:
            self._refuse(request, error)
        except Exception:
            log.exception("a request failed")
            self._refuse(request, InferenceFailedError("The predictor failed on this request."))
        finally:
            del self._inboxes[request.request], self._tasks[request.request]

    def _refuse(self, request: Open, error: PredictionError) -> None:
        self._channel.send(
            Refusal(
                request=request.request,
                code=error.code,
                message=str(error),
                retry_after_s=error.retry_after_s,
            )
        )


async def listen(path: Path, service: PredictionService, is_ready: Callable[[], bool]) -> asyncio.Server:
    """Serves the Unix socket `path`, which only this user may open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled only when the predictor ends; asyncio's streams would log that as a fault.
        with contextlib.suppress(asyncio.CancelledError):
            await Connection(Channel(reader, writer), service, is_ready).serve()

    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(serve, path)
    finally:
        os.umask(before)

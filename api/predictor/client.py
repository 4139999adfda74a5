"""The API's end of the predictor's socket. A few connections carry the requests of all callers. Knows no HTTP."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.predictor.errors import (
    ERRORS_BY_CODE,
    InferenceFailedError,
    PredictionError,
    PredictorUnavailableError,
    deadline_exceeded,
)
from api.predictor.protocol.channel import Channel
from api.predictor.protocol.image_data import Bytes, ImageData
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
    PredictorStatistics,
    ProtocolError,
    Timings,
)

_GRACE_S = (
    5.0  # the predictor enforces a request's deadline itself; if it is late by more, the predictor hangs
)
_LEAST_GRACE_S = 0.2
_RETRY_AFTER_S = 5  # about the time that a predictor needs to start


@dataclass(frozen=True)
class Predicted:
    """The predictor's answer to one request."""

    items: list[ItemAnswer]
    """One per image, in the order of the request."""
    timings_ms: Timings
    precision: str
    """The numbers that the model computed with, such as `float32`."""
    epoch: int | None = None
    """The epoch of a checkpoint that answered; None for a published model."""


class _Connection:
    """One socket and the requests that wait for an answer on it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._request_ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Predicted]] = {}
        self._pongs: list[asyncio.Future[Pong]] = []
        self._receiver = asyncio.create_task(self._receive_all())

    @property
    def is_open(self) -> bool:
        return not self._receiver.done()

    async def predict(
        self,
        model: str,
        images: Sequence[ImageData],
        *,
        top_k: int,
        deadline_s: float,
        tta: bool,
        coverage: float | None,
        explain: bool,
        is_background: bool,
    ) -> Predicted:
        request_id = next(self._request_ids)
        answer: asyncio.Future[Predicted] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = answer
        try:
            self._channel.send(
                Open(
                    request_id=request_id,
                    model=model,
                    image_count=len(images),
                    total_bytes=sum(len(image.data) for image in images),
                    top_k=top_k,
                    deadline_s=deadline_s,
                    tta=tta,
                    coverage=coverage,
                    explain=explain,
                    is_background=is_background,
                )
            )
            for index, image in enumerate(images):
                message = Image(request_id=request_id, index=index, height_width=image.height_width)
                self._channel.send(message, image.data, is_wanted=lambda: not answer.done())
            return await answer
        except (asyncio.CancelledError, ProtocolError):
            self._channel.send(Cancel(request_id=request_id))
            raise
        finally:
            del self._answers[request_id]

    async def ping(self) -> Pong:
        pong: asyncio.Future[Pong] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        self._channel.send(Ping())
        return await pong

    async def close(self) -> None:
        self._receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._receiver

    async def _receive_all(self) -> None:
        try:
            while (frame := await self._channel.receive()) is not None:
                self._handle(*frame)
        except ProtocolError:
            pass  # the other end is not a predictor of this version: handle it like a closed connection
        finally:
            self._fail_all()
            await self._channel.close()

    def _handle(self, message: Message, body: bytes) -> None:
        match message:
            case Answer(request_id=request_id, timings_ms=timings, precision=precision, epoch=epoch):
                items = ITEM_ANSWERS.validate_json(body)
                self._settle(request_id, Predicted(items, timings, precision, epoch))
            case Failure(request_id=request_id, code=code, message=text, retry_after_s=retry_after_s):
                error = ERRORS_BY_CODE.get(code, InferenceFailedError)
                self._settle(request_id, error(text, retry_after_s=retry_after_s))
            case Pong():
                pong = self._pongs.pop(0)
                if not pong.done():
                    pong.set_result(message)
            case _:
                raise ProtocolError(f"The API does not receive messages of kind '{message.kind}'.")

    def _settle(self, request_id: int, outcome: Predicted | PredictionError) -> None:
        answer = self._answers.get(request_id)
        if answer is None or answer.done():
            return  # the caller went away
        if isinstance(outcome, PredictionError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def _fail_all(self) -> None:
        error = _unavailable("The predictor ended while this request was in flight")
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(error)


class PredictorClient:
    """Classifies images in the predictor process; connects on demand, also after a restart of the predictor."""

    def __init__(self, socket_path: Path, *, connections: int = 2) -> None:
        self._path = socket_path
        self._connections: list[_Connection | None] = [None] * connections
        self._locks = [asyncio.Lock() for _ in range(connections)]
        self._next_index = itertools.cycle(range(connections))

    async def predict(
        self,
        model: str,
        images: Sequence[Bytes | ImageData],
        *,
        top_k: int,
        deadline_s: float = 30.0,
        tta: bool = False,
        coverage: float | None = None,
        explain: bool = False,
        is_background: bool = False,
    ) -> Predicted:
        """Return the scores or an error for each image.

        Args:
            model: address of a published model: its id, not its name; `PROJECT/ID` in another project than the default.
            images: files as bytes, or files or pixels as `ImageData`.
            top_k: number of classes in each answer, highest score first.
            deadline_s: the request fails after this time.
            tta: whether the scores shall be those of each image and its mirror image together.
            coverage: share of the images whose set of labels shall have their label; None for no sets.
            explain: whether each answer shall say where in the image the evidence for its label lies.
            is_background: whether to refuse with OverloadedError unless the predictor has nothing else to do.

        Raises:
            PredictionError: one of its subclasses, when the request fails as a whole.
        """
        connection = await self._connection()
        sent = [image if isinstance(image, ImageData) else ImageData(image) for image in images]
        grace_s = min(_GRACE_S, max(_LEAST_GRACE_S, deadline_s))
        try:
            async with asyncio.timeout(deadline_s + grace_s):
                return await connection.predict(
                    model,
                    sent,
                    top_k=top_k,
                    deadline_s=deadline_s,
                    tta=tta,
                    coverage=coverage,
                    explain=explain,
                    is_background=is_background,
                )
        except TimeoutError as error:
            is_long = grace_s == _GRACE_S
            raise (
                _unavailable("The predictor does not answer") if is_long else deadline_exceeded(deadline_s)
            ) from error

    async def is_ready(self, *, timeout_s: float = 2.0) -> bool:
        """Return whether the predictor answers a ping and has loaded the library that computes."""
        pong = await self._ping(timeout_s)
        return pong is not None and pong.ready

    async def is_idle(self, *, timeout_s: float = 2.0) -> bool:
        """Return whether the predictor has, and had just now, nothing to do."""
        pong = await self._ping(timeout_s)
        return pong is not None and pong.idle

    async def statistics(self, *, timeout_s: float = 2.0) -> PredictorStatistics | None:
        """Return what the predictor does; `None` if it does not answer."""
        pong = await self._ping(timeout_s)
        return pong.statistics if pong else None

    async def _ping(self, timeout_s: float) -> Pong | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await (await self._connection()).ping()
        except (TimeoutError, PredictorUnavailableError):
            return None

    async def close(self) -> None:
        """Close all connections; requests in flight fail."""
        for connection in self._connections:
            if connection is not None:
                await connection.close()

    async def _connection(self) -> _Connection:
        index = next(self._next_index)
        async with self._locks[index]:  # after a restart, only one of many waiting requests connects
            connection = self._connections[index]
            if connection is None or not connection.is_open:
                connection = self._connections[index] = _Connection(await self._connect())
            return connection

    async def _connect(self) -> Channel:
        try:
            return Channel(*await asyncio.open_unix_connection(self._path))
        except OSError as error:
            raise _unavailable("The predictor is not running, or still starting") from error


def _unavailable(reason: str) -> PredictorUnavailableError:
    return PredictorUnavailableError(
        f"{reason}; try again in {_RETRY_AFTER_S} s.", retry_after_s=_RETRY_AFTER_S
    )

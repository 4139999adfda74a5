"""The API's end of the predictor's socket: a few connections, each shared by many requests; knows no HTTP."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from api.predictor.errors import REFUSALS, InferenceFailedError, PredictionError, PredictorUnavailableError
from api.predictor.protocol.channel import (
    ITEM_ANSWERS,
    Answer,
    Cancel,
    Channel,
    Image,
    ItemAnswer,
    Message,
    Open,
    Ping,
    Pong,
    Refusal,
    Timings,
    WireError,
)

_GRACE_S = 5.0  # the predictor keeps a request's deadline itself; past this much more, it hangs
_RETRY_AFTER_S = 5  # about what a predictor needs to start


@dataclass(frozen=True)
class Predicted:
    """What the predictor said about one request."""

    items: list[ItemAnswer]
    """One an image, in the request's order."""
    timings_ms: Timings


class _Connection:
    """One socket and the requests that wait on it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Predicted]] = {}
        self._pongs: list[asyncio.Future[bool]] = []
        self._listener = asyncio.create_task(self._listen())

    @property
    def is_open(self) -> bool:
        return not self._listener.done()

    async def predict(
        self, model_id: str, images: Sequence[bytes], *, top_k: int, deadline_s: float
    ) -> Predicted:
        number = next(self._numbers)
        answer: asyncio.Future[Predicted] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._channel.send(
            Open(
                request=number,
                model_id=model_id,
                images=len(images),
                total_bytes=sum(map(len, images)),
                top_k=top_k,
                deadline_s=deadline_s,
            )
        )
        for index, data in enumerate(images):
            self._channel.send(Image(request=number, index=index), data, wanted=lambda: not answer.done())
        try:
            return await answer
        except asyncio.CancelledError:
            self._channel.send(Cancel(request=number))
            raise
        finally:
            del self._answers[number]

    async def ping(self) -> bool:
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        self._channel.send(Ping())
        return await pong

    async def close(self) -> None:
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener

    async def _listen(self) -> None:
        try:
            while (frame := await self._channel.receive()) is not None:
                self._handle(*frame)
        except WireError:
            pass  # not our predictor: the same end as a dead one
        finally:
            self._fail_all()
            await self._channel.close()

    def _handle(self, message: Message, body: bytes) -> None:
        match message:
            case Answer(request=number, timings_ms=timings):
                self._settle(number, Predicted(ITEM_ANSWERS.validate_json(body), timings))
            case Refusal(request=number, code=code, message=text, retry_after_s=retry_after_s):
                error = REFUSALS.get(code, InferenceFailedError)
                self._settle(number, error(text, retry_after_s=retry_after_s))
            case Pong(ready=ready):
                pong = self._pongs.pop(0)
                if not pong.done():
                    pong.set_result(ready)
            case _:
                raise WireError(f"'{message.kind}' is not for the API to hear")

    def _settle(self, number: int, outcome: Predicted | PredictionError) -> None:
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return  # its caller went away
        if isinstance(outcome, PredictionError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def _fail_all(self) -> None:
        lost = _unavailable("The predictor ended while this request was in flight")
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(lost)
        for pong in self._pongs:
            if not pong.done():
                pong.set_exception(lost)


class PredictorClient:
    """Classifies images in the predictor process; connects on demand, so it needs no care when that restarts."""

    def __init__(self, socket_path: Path, *, connections: int = 2) -> None:
        self._path = socket_path
        self._slots: list[_Connection | None] = [None] * connections
        self._locks = [asyncio.Lock() for _ in range(connections)]
        self._turns = itertools.cycle(range(connections))

    async def predict(
        self, model_id: str, images: Sequence[bytes], *, top_k: int, deadline_s: float = 30.0
    ) -> Predicted:
        """Scores or an error for each image.

        Args:
            model_id: of a published model; not a name.
            images: bytes of image files.
            top_k: how many classes to answer, best first.
            deadline_s: give up after this long.

        Raises:
            PredictionError: one of its subclasses, when the request fails as a whole.
        """
        connection = await self._connection()
        try:
            async with asyncio.timeout(deadline_s + _GRACE_S):
                return await connection.predict(model_id, images, top_k=top_k, deadline_s=deadline_s)
        except TimeoutError as error:
            raise _unavailable("The predictor does not answer") from error

    async def is_ready(self, *, timeout_s: float = 2.0) -> bool:
        """Whether the predictor answers and has loaded torch."""
        try:
            async with asyncio.timeout(timeout_s):
                return await (await self._connection()).ping()
        except (TimeoutError, PredictorUnavailableError):
            return False

    async def close(self) -> None:
        """Ends all connections; requests in flight fail."""
        for connection in self._slots:
            if connection is not None:
                await connection.close()

    async def _connection(self) -> _Connection:
        slot = next(self._turns)
        async with self._locks[slot]:  # of many requests after a restart, one connects
            connection = self._slots[slot]
            if connection is None or not connection.is_open:
                connection = self._slots[slot] = _Connection(await self._connect())
            return connection

    async def _connect(self) -> Channel:
        try:
            return Channel(*await asyncio.open_unix_connection(self._path))
        except OSError as error:
            raise _unavailable("The predictor is not running, or still starting") from error


def _unavailable(what: str) -> PredictorUnavailableError:
    return PredictorUnavailableError(
        f"{what}; try again in {_RETRY_AFTER_S} s.", retry_after_s=_RETRY_AFTER_S
    )

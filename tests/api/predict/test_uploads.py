"""A large body is parsed beside the event loop, which answers other requests meanwhile."""

import asyncio
import threading

from starlette.requests import Request
from starlette.types import Message

from api.predict.body import UploadedImage, WholeBody
from api.predict.limits import UploadBudget, UploadLimits
from api.predict.uploads import uploaded_images


class _SlowBody(WholeBody):
    """Is parsed only once the event loop has run something else."""

    def __init__(self, other_ran: threading.Event) -> None:
        super().__init__(UploadLimits())
        self._other_ran = other_ran

    def images(self) -> list[UploadedImage]:
        assert self._other_ran.wait(20), "the event loop waits for the parser"
        return [UploadedImage(None, self._data)]


def test_the_event_loop_goes_on_while_a_large_body_is_parsed() -> None:
    other_ran = threading.Event()
    asyncio.run(_read_large_body(_SlowBody(other_ran), other_ran))


async def _read_large_body(body: _SlowBody, other_ran: threading.Event) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": bytes(1_000_000)}

    async def other() -> None:
        other_ran.set()

    request = Request({"type": "http", "method": "POST", "path": "/predict", "headers": []}, receive)
    task = asyncio.create_task(other())  # runs at the next chance, which the parser must give
    async with uploaded_images(request, body, UploadLimits(), UploadBudget()) as images:
        assert len(images[0].data or b"") == 1_000_000
    await task

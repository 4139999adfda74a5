"""A large body is parsed beside the event loop, and clients that send slowly, or stop, hold nothing for long."""

import asyncio
import threading

import pytest
from starlette.requests import Request
from starlette.types import Message

from api.predict.body import RawBody, UploadedImage, WholeBody
from api.predict.errors import UploadTooSlowError
from api.predict.limits import UploadBudget, UploadLimits
from api.predict.uploads import uploaded_images
from api.predictor.errors import OverloadedError


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


async def _post(chunks: list[bytes], limits: UploadLimits, budget: UploadBudget) -> None:
    """Send chunks and then nothing, without an end."""
    left = list(chunks)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    async with uploaded_images(request, RawBody(limits), limits, budget):
        raise AssertionError("the body has no end")


def test_a_body_that_stops_arriving_is_given_up_and_its_bytes_are_free_again() -> None:
    budget = UploadBudget(100, reserved_bytes=0)
    with pytest.raises(UploadTooSlowError, match=r"Nothing of the body arrived for 0.05 s"):
        asyncio.run(_post([bytes(40), bytes(40)], UploadLimits(stall_s=0.05), budget))
    with budget.share() as take:
        take(100)


def test_a_body_without_an_end_is_given_up() -> None:
    limits = UploadLimits(stall_s=0.05, timeout_s=0.02)
    with pytest.raises(UploadTooSlowError, match=r"did not end within 0.02 s"):
        asyncio.run(_post([bytes(40)], limits, UploadBudget()))


def test_large_uploads_in_progress_leave_room_for_small_ones() -> None:
    budget = UploadBudget(1_000, reserved_bytes=300, small_bytes=100)
    with budget.share() as large, budget.share() as small, budget.share() as other:
        for _ in range(7):
            large(100)
        with pytest.raises(OverloadedError):
            large(1)
        small(100)
        with pytest.raises(OverloadedError):
            small(1)
        other(100)

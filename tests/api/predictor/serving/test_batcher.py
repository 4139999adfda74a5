"""Batches form only while the inference thread is busy, requests take turns, and nobody absent is served."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api.predictor.errors import InferenceFailedError, OverloadedError
from api.predictor.serving.admission import Admission, Rate
from api.predictor.serving.batcher import Batcher


class RecordingNetwork:
    """Answers each image with its own first pixel, one batch at a time, when told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        self.may_go.wait(10)
        self.batches.append([int(image.flat[0]) for image in images])
        return images.reshape(len(images), -1)[:, :1].astype(np.float32)


class FailingNetwork:
    def classify(self, _images: np.ndarray, /) -> np.ndarray:
        raise RuntimeError("the device fell off the bus")


def _image(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, np.uint8)


@contextlib.asynccontextmanager
async def _running(max_batch: int = 64, faults: list[str] | None = None) -> AsyncIterator[Batcher]:
    with ThreadPoolExecutor(1) as thread:
        on_fault = None if faults is None else lambda: faults.append("fault")
        batcher = Batcher(thread, Rate(), max_batch=max_batch, on_fault=on_fault)
        running = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            running.cancel()


async def _busy(batcher: Batcher, network: RecordingNetwork) -> "asyncio.Task[object]":
    """The inference thread held by one image (value 0) until `network.may_go` is set."""
    network.may_go.clear()
    first = asyncio.create_task(batcher.classify(network, _image(0), request="first"))
    await asyncio.sleep(0.05)
    return first


def test_a_lone_image_does_not_wait_for_company() -> None:
    async def classify() -> float:
        async with _running() as batcher:
            started = time.monotonic()
            assert (await batcher.classify(RecordingNetwork(), _image(7), request=1)).scores[0] == 7
            return time.monotonic() - started

    assert asyncio.run(classify()) < 0.5


def test_images_that_come_while_the_thread_is_busy_share_a_batch() -> None:
    network = RecordingNetwork()

    async def classify() -> list[float]:
        async with _running() as batcher:
            first = await _busy(batcher, network)
            rest = [batcher.classify(network, _image(n), request=n) for n in range(1, 11)]
            waiting = asyncio.gather(*rest)
            await asyncio.sleep(0)
            network.may_go.set()
            results = await waiting
            await first
            return [float(result.scores[0]) for result in results]

    assert asyncio.run(classify()) == list(range(1, 11))
    assert network.batches == [[0], list(range(1, 11))]


def test_a_large_request_is_split_and_a_small_one_takes_its_turn() -> None:
    network = RecordingNetwork()

    async def classify() -> None:
        async with _running(max_batch=4) as batcher:
            first = await _busy(batcher, network)
            large = [batcher.classify(network, _image(n), request="large") for n in range(10, 18)]
            small = batcher.classify(network, _image(99), request="small")
            waiting = asyncio.gather(*large, small)
            await asyncio.sleep(0)
            network.may_go.set()
            await asyncio.gather(first, waiting)

    asyncio.run(classify())
    assert network.batches == [[0], [10, 99, 11, 12], [13, 14, 15, 16], [17]]


def test_a_batch_holds_one_model_and_no_model_starves() -> None:
    one, two = RecordingNetwork(), RecordingNetwork()

    async def classify() -> None:
        async with _running(max_batch=2) as batcher:
            first = await _busy(batcher, one)
            images = [batcher.classify(one, _image(n), request=f"one-{n}") for n in range(1, 5)]
            other = batcher.classify(two, _image(50), request="two")
            waiting = asyncio.gather(*images, other)
            await asyncio.sleep(0)
            one.may_go.set()
            await asyncio.gather(first, waiting)

    asyncio.run(classify())
    assert one.batches == [[0], [1, 2], [3, 4]]
    assert two.batches == [[50]]


def test_an_image_whose_caller_left_is_never_classified() -> None:
    network = RecordingNetwork()

    async def classify() -> None:
        async with _running() as batcher:
            first = await _busy(batcher, network)
            left = asyncio.create_task(batcher.classify(network, _image(66), request="left"))
            stays = asyncio.create_task(batcher.classify(network, _image(77), request="stays"))
            await asyncio.sleep(0)
            left.cancel()
            network.may_go.set()
            await asyncio.gather(first, stays)

    asyncio.run(classify())
    assert network.batches == [[0], [77]]


def test_a_failing_network_fails_its_batch_and_the_next_batch_goes_on() -> None:
    faults: list[str] = []

    async def classify() -> None:
        async with _running(faults=faults) as batcher:
            with pytest.raises(InferenceFailedError):
                await batcher.classify(FailingNetwork(), _image(1), request=1)
            assert (await batcher.classify(RecordingNetwork(), _image(2), request=2)).scores[0] == 2

    asyncio.run(classify())
    assert faults == ["fault"]


def test_admission_counts_images_and_says_when_to_come_back() -> None:
    rate = Rate(first_guess=4.0)
    admission = Admission(rate, images_per_model=10)
    with admission.admit("mdl_a", 9, 100):
        with pytest.raises(OverloadedError, match="Try again in 3 s") as refused:
            admission.admit("mdl_a", 2, 100).__enter__()
        assert refused.value.retry_after_s == 3  # 9 images at 4 a second
        with admission.admit("mdl_b", 10, 100):  # another model has a queue of its own
            assert admission.images == 19
    with admission.admit("mdl_a", 99, 100):  # an empty queue takes any request
        pass
    assert admission.images == 0


def test_admission_counts_bytes_over_all_models() -> None:
    admission = Admission(Rate(), total_bytes=1000)
    with admission.admit("mdl_a", 1, 900), pytest.raises(OverloadedError, match="bytes"):
        admission.admit("mdl_b", 1, 200).__enter__()


def test_the_rate_follows_what_is_measured() -> None:
    rate = Rate(first_guess=100)
    for _ in range(30):
        rate.measured(images=10, duration_s=1)
    assert rate.images_per_s == pytest.approx(10, rel=0.05)

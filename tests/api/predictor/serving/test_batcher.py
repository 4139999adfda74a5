"""Batches form only while the inference thread is busy, requests take turns, cancelled images are not computed."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api.predictor.errors import InferenceFailedError, OutOfMemoryError
from api.predictor.serving.batcher import Batcher, Classified, Turns


class RecordingNetwork:
    """Answers each image with its first pixel, records the batches, and blocks while `may_run` is not set."""

    def __init__(self, order: "list[RecordingNetwork] | None" = None) -> None:
        self.batches: list[list[int]] = []
        self.order = [] if order is None else order
        self.may_run = threading.Event()
        self.may_run.set()

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        self.may_run.wait(60)
        self.order.append(self)
        self.batches.append([int(image.flat[0]) for image in images])
        return images.reshape(len(images), -1)[:, :1].astype(np.float32)


class FailingNetwork:
    def classify(self, _images: np.ndarray, /) -> np.ndarray:
        raise RuntimeError("the device fell off the bus")


def _image(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, np.uint8)


@contextlib.asynccontextmanager
async def _running(max_batch: int = 64, failures: list[str] | None = None) -> AsyncIterator[Batcher]:
    with ThreadPoolExecutor(1) as thread:
        on_failure = None if failures is None else lambda: failures.append("failure")
        batcher = Batcher(thread, max_batch=max_batch, on_failure=on_failure)
        running = asyncio.create_task(batcher.run())
        try:
            yield batcher
        finally:
            running.cancel()


async def _block_thread(batcher: Batcher, network: RecordingNetwork) -> "asyncio.Task[object]":
    """Keep the inference thread busy with one image of value 0 until `network.may_run` is set."""
    network.may_run.clear()
    first = asyncio.create_task(batcher.classify(network, _image(0), 0))
    await asyncio.sleep(0.05)
    return first


def test_a_single_image_does_not_wait_for_a_batch_to_fill() -> None:
    async def classify() -> float:
        async with _running() as batcher:
            started = time.monotonic()
            assert (await batcher.classify(RecordingNetwork(), _image(7), 0)).scores[0] == 7
            return time.monotonic() - started

    assert asyncio.run(classify()) < 10


def test_images_that_come_while_the_thread_is_busy_share_a_batch() -> None:
    network = RecordingNetwork()

    async def classify() -> list[float]:
        async with _running() as batcher:
            first = await _block_thread(batcher, network)
            others = [batcher.classify(network, _image(n), n) for n in range(1, 11)]
            waiting = asyncio.gather(*others)
            await asyncio.sleep(0)
            network.may_run.set()
            results = await waiting
            await first
            return [float(result.scores[0]) for result in results]

    assert asyncio.run(classify()) == list(range(1, 11))
    assert network.batches == [[0], list(range(1, 11))]


def test_a_large_request_is_split_and_small_ones_take_their_turns() -> None:
    network = RecordingNetwork()

    async def classify() -> None:
        async with _running(max_batch=4) as batcher:
            first = await _block_thread(batcher, network)
            turns = Turns()
            large = [batcher.classify(network, _image(n), turns.take()) for n in range(10, 18)]
            small = batcher.classify(network, _image(99), Turns().take())
            later = batcher.classify(network, _image(100), Turns().take() + 5)
            waiting = asyncio.gather(later, *large, small)
            await asyncio.sleep(0)
            network.may_run.set()
            await asyncio.gather(first, waiting)

    asyncio.run(classify())
    assert network.batches == [[0], [10, 99, 11, 12], [13, 14, 15, 16], [17, 100]]


def test_a_batch_holds_one_model_and_no_model_starves() -> None:
    order: list[RecordingNetwork] = []
    one, two = RecordingNetwork(order), RecordingNetwork(order)

    async def classify() -> None:
        async with _running(max_batch=2) as batcher:
            first = await _block_thread(batcher, one)
            images = [batcher.classify(one, _image(n), n) for n in range(1, 5)]
            other = batcher.classify(two, _image(50), 5)
            waiting = asyncio.gather(*images, other)
            await asyncio.sleep(0)
            one.may_run.set()
            await asyncio.gather(first, waiting)

    asyncio.run(classify())
    assert one.batches == [[0], [1, 2], [3, 4]]
    assert two.batches == [[50]]
    assert order == [one, one, two, one]  # models take turns, too


def test_an_image_whose_caller_was_cancelled_is_never_classified() -> None:
    network = RecordingNetwork()

    async def classify() -> None:
        async with _running() as batcher:
            first = await _block_thread(batcher, network)
            left = asyncio.create_task(batcher.classify(network, _image(66), 1))
            stays = asyncio.create_task(batcher.classify(network, _image(77), 2))
            await asyncio.sleep(0)
            left.cancel()
            network.may_run.set()
            await asyncio.gather(first, stays)

    asyncio.run(classify())
    assert network.batches == [[0], [77]]


def test_a_failing_network_fails_its_batch_and_the_next_batch_runs() -> None:
    failures: list[str] = []

    async def classify() -> None:
        async with _running(failures=failures) as batcher:
            with pytest.raises(InferenceFailedError):
                await batcher.classify(FailingNetwork(), _image(1), 1)
            assert (await batcher.classify(RecordingNetwork(), _image(2), 2)).scores[0] == 2

    asyncio.run(classify())
    assert failures == ["failure"]


class NarrowNetwork:
    """Has memory for two images at once, and never for an image of value 9."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, images: np.ndarray, /) -> np.ndarray:
        values = images.reshape(len(images), -1)[:, :1]
        if len(images) > 2 or 9 in values:
            raise MemoryError
        self.batches.append(len(images))
        return values.astype(np.float32)


def test_a_batch_for_which_memory_does_not_suffice_is_halved_and_only_a_single_image_fails() -> None:
    narrow, failures = NarrowNetwork(), list[str]()

    async def classify() -> list[object]:
        async with _running(failures=failures) as batcher:
            first = await _block_thread(batcher, busy := RecordingNetwork())
            images = [
                asyncio.create_task(batcher.classify(narrow, _image(value), 1))
                for value in (1, 2, 3, 9, 5, 6, 7, 8)
            ]
            other = asyncio.create_task(batcher.classify(busy, _image(4), 2))
            await asyncio.sleep(0)
            busy.may_run.set()
            await asyncio.gather(first, other)
            return await asyncio.gather(*images, return_exceptions=True)

    outcomes = asyncio.run(classify())
    scores = [outcome.scores[0] if isinstance(outcome, Classified) else type(outcome) for outcome in outcomes]
    assert scores == [1, 2, 3, OutOfMemoryError, 5, 6, 7, 8]
    assert narrow.batches == [2, 1, 2, 2]
    assert failures == []  # the predictor goes on

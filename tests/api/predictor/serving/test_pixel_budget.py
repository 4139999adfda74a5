"""The limit on the pixels that all decoding threads hold together."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.predictor.protocol.image_data import ImageData
from api.predictor.serving.loader import LoadedModel
from model.artifact.onnx_classifier import OnnxClassifier
from model.data.images import decode_image
from model.data.pixel_budget import PixelBudget
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.model.hostile_images import jpeg_of_a_scan_per_colour
from tests.model.pictures import encode, noise
from tests.ninefold.processes import eventually


def test_threads_together_stay_within_the_budget_and_none_starves() -> None:
    budget, lock, never, held, most = PixelBudget(100), threading.Lock(), threading.Event(), 0, 0

    def hold(pixels: int) -> None:
        nonlocal held, most
        with budget.share() as take:
            take(pixels)
            with lock:
                held += min(pixels, 100)
                most = max(most, held)
            never.wait(0.0005)  # so that several threads hold pixels at the same time
            with lock:
                held -= min(pixels, 100)

    sizes = [random.Random(seed).randint(1, 130) for seed in range(1_000)]  # noqa: S311  # no secret
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(hold, sizes, timeout=60))
    assert 0 < most <= 100


def test_a_large_image_is_not_overtaken_by_small_ones() -> None:
    budget, order = PixelBudget(100), list[int]()

    def hold(pixels: int) -> None:
        with budget.share() as take:
            take(pixels)
            order.append(pixels)

    with ThreadPoolExecutor(2) as threads:
        with budget.share() as take:
            take(60)
            large = threads.submit(hold, 90)
            eventually(budget._turn.locked, 60, "the large image waits")
            small = threads.submit(hold, 10)
            with pytest.raises(TimeoutError):
                small.result(0.3)
        large.result(20)
        small.result(20)
    assert order == [90, 10]


def test_a_served_model_scales_16_bit_images_as_those_of_its_dataset(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/storage"
    storage = open_storage(url)
    manifest = publish_model(storage)
    preprocessing = manifest.preprocessing.model_copy(update={"sample_bits": 12})
    manifest = manifest.model_copy(update={"preprocessing": preprocessing})
    model = LoadedModel(manifest, OnnxClassifier.load(storage, manifest, 1), url, 1)
    values = np.arange(256, dtype=np.uint16).reshape(16, 16)
    prepared = model.prepare(ImageData(encode(Image.fromarray(values << 4))))
    assert isinstance(prepared, np.ndarray)
    assert np.array_equal(prepared[..., 0], values)


@pytest.mark.parametrize(("is_progressive", "pixels"), [(False, 200 * 150), (True, 1600 * 1200)])
def test_a_jpeg_counts_with_the_size_at_which_it_is_decoded(is_progressive: bool, pixels: int) -> None:
    counted: list[int] = []
    data = encode(noise(0, 1600, 1200), "JPEG", progressive=is_progressive)
    decode_image(data, image_size=32, before_pixels=counted.append)
    assert counted == [pixels]


def test_a_jpeg_whose_colours_come_one_after_the_other_counts_in_full() -> None:
    counted: list[int] = []
    decode_image(jpeg_of_a_scan_per_colour(800), image_size=32, before_pixels=counted.append)
    assert counted == [800 * 800]

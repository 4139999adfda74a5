"""Child processes that decode images: one image ends or slows down at most its own child."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from api.predictor.decoding.children import DecodingChildren
from api.predictor.decoding.frames import DONE, GO, PIXELS, REFUSED, Task, read_frame
from api.predictor.decoding.preparation import LargeImage, prepare_file, prepare_small
from api.predictor.protocol.image_data import ImageData
from model.artifact.manifest import Preprocessing
from model.data.pixel_budget import PixelBudget
from model.errors import ImageError, ImageTooLargeError
from model.spec import Resize
from tests.model.hostile_images import jpeg_of_many_scans, png_of_zeros
from tests.model.pictures import encode, noise
from tests.ninefold.processes import eventually

T = TypeVar("T")
_PREPROCESSING = Preprocessing(image_size=32, resize=Resize.CROP, mean=(0, 0, 0), std=(1, 1, 1))
_PHOTO = encode(noise(0, 900, 700), "JPEG")
_ENDLESS = jpeg_of_many_scans(8_000, 1_000_000)


def with_children(
    use: Callable[[DecodingChildren], Awaitable[T]], *, cpu_s: float = 60, budget: PixelBudget | None = None
) -> T:
    async def run() -> T:
        children = DecodingChildren(2, budget, cpu_s=cpu_s)
        try:
            return await asyncio.wait_for(use(children), 60)
        finally:
            children.close()

    return asyncio.run(run())


def cpu_ticks(pid: int) -> int:
    """Return the processor time that a process has used, in ticks of 10 ms."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


async def prepared(children: DecodingChildren, data: bytes) -> np.ndarray:
    pixels, _ = await children.prepare(LargeImage(data, _PREPROCESSING))
    return pixels


def test_small_files_stay_in_the_process_and_larger_ones_or_many_pixels_do_not() -> None:
    small = ImageData(encode(noise(0, 200, 100), "JPEG"))
    assert isinstance(prepare_small(small, _PREPROCESSING), np.ndarray)
    assert prepare_small(ImageData(_PHOTO), _PREPROCESSING) == LargeImage(_PHOTO, _PREPROCESSING)
    many_pixels = png_of_zeros(2_000, channels=1, depth=8)
    assert isinstance(prepare_small(ImageData(many_pixels), _PREPROCESSING), LargeImage)


def test_a_child_gives_the_same_pixels_and_errors_as_the_process_itself() -> None:
    async def use(children: DecodingChildren) -> None:
        expected = prepare_file(_PHOTO, _PREPROCESSING, lambda _: None)
        assert np.array_equal(await prepared(children, _PHOTO), expected)
        for data, error in ((_PHOTO[:5_000], ImageError), (b"\x89PNG" + bytes(70_000), ImageError)):
            with pytest.raises(error) as raised:
                await prepared(children, data)
            with pytest.raises(error) as direct:
                prepare_file(data, _PREPROCESSING, lambda _: None)
            assert (type(raised.value), str(raised.value)) == (type(direct.value), str(direct.value))
        assert len(children.idle) == 1, "one child served all, one after the other"
        os.kill(children.idle[0], signal.SIGKILL)
        assert np.array_equal(await prepared(children, _PHOTO), expected), "a new child takes over"

    with_children(use)


def test_an_endless_image_is_ended_by_its_limit_while_others_are_decoded() -> None:
    async def use(children: DecodingChildren) -> None:
        endless = asyncio.create_task(prepared(children, _ENDLESS))
        await prepared(children, _PHOTO)
        with pytest.raises(ImageTooLargeError, match=r"more than 0.5 s of processor time.*ordinary JPEG"):
            await endless
        await prepared(children, _PHOTO)

    with_children(use, cpu_s=0.5)


LITTLE_MEMORY = """
from api.predictor.decoding import __main__, limits
limits._PIXELS_BYTES, limits._BYTES_A_PIXEL = 40_000_000, 0
__main__.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_a_file_that_takes_more_memory_than_its_pixels_may_is_refused_and_its_child_goes_on() -> None:
    command = [sys.executable, "-c", LITTLE_MEMORY, str(os.getpid()), "60"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        answers = []
        for data in (png_of_zeros(4_000, channels=1, depth=8), encode(noise(0, 64, 48), "PNG")):
            child.stdin.write(Task(len(data), 32, 8, Resize.CROP).packed() + data)
            child.stdin.flush()
            assert read_frame(child.stdout)[0] == PIXELS
            child.stdin.write(GO)
            child.stdin.flush()
            answers.append(read_frame(child.stdout))
        child.stdin.close()
    assert answers[0][0] == REFUSED
    assert json.loads(answers[0][1])[0] == ImageTooLargeError.code
    assert answers[1][0] == DONE


def test_an_image_that_nobody_waits_for_is_ended_and_its_pixels_are_free_again() -> None:
    async def use(children: DecodingChildren) -> None:
        await prepared(children, _PHOTO)
        (pid,) = children.idle
        endless = asyncio.create_task(prepared(children, _ENDLESS))
        await asyncio.to_thread(eventually, lambda: not children.idle, 20, "the child has work")
        endless.cancel()
        await asyncio.wait([endless])
        await asyncio.to_thread(
            eventually, lambda: not Path(f"/proc/{pid}").exists(), 20, "the child is gone"
        )
        await prepared(children, _PHOTO)

    with_children(use, budget=PixelBudget(1))


def test_a_decoder_that_crashes_fails_one_image() -> None:
    async def use(children: DecodingChildren) -> None:
        await prepared(children, _PHOTO)
        (pid,) = children.idle
        before = cpu_ticks(pid)
        endless = asyncio.create_task(prepared(children, _ENDLESS))
        # Killed before it has read its work, the child would be replaced by one that decodes the image to its end.
        await asyncio.to_thread(eventually, lambda: cpu_ticks(pid) > before + 10, 20, "the child decodes")
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(ImageError, match="made its decoder fail"):
            await endless
        await prepared(children, _PHOTO)

    with_children(use)


def test_images_in_children_wait_for_room_in_the_budget() -> None:
    budget = PixelBudget(1)

    async def use(children: DecodingChildren) -> None:
        with budget.share() as take:
            take(1)
            waiting = asyncio.create_task(prepared(children, _PHOTO))
            done, _ = await asyncio.wait([waiting], timeout=0.8)
            assert not done
        await waiting

    with_children(use, budget=budget)

# ruff: noqa: N802, N803 - shapes in names
import pytest
import torch
from torch import Tensor

from model.network.normalisation import measure_normalisation


@pytest.fixture
def images_NHWC() -> Tensor:
    return torch.randint(256, (6, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_normalises_to_mean_0_and_deviation_1(images_NHWC: Tensor) -> None:
    normal_NCHW = measure_normalisation(images_NHWC).apply(images_NHWC)
    assert normal_NCHW.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(normal_NCHW.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(normal_NCHW.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("images", "side"), [(1500, 32), (60, 224), (5000, 16)])
def test_computing_in_chunks_changes_nothing(images: int, side: int) -> None:
    generator = torch.Generator().manual_seed(2)
    images_NHWC = torch.randint(256, (images, side, side, 3), dtype=torch.uint8, generator=generator)
    pixels = images_NHWC.reshape(-1, 3).double() / 255
    measured = measure_normalisation(images_NHWC)
    torch.testing.assert_close(torch.tensor(measured.mean).double(), pixels.mean(0), atol=1e-7, rtol=0)
    torch.testing.assert_close(
        torch.tensor(measured.std).double(), pixels.std(0, correction=0), atol=1e-7, rtol=0
    )


def test_the_sums_of_the_brightest_images_do_not_overflow() -> None:
    measured = measure_normalisation(torch.full((9000, 16, 16, 3), 255, dtype=torch.uint8))
    assert measured.mean == (1.0, 1.0, 1.0)
    assert measured.std == (1 / 255, 1 / 255, 1 / 255)


def test_a_set_of_one_colour_does_not_divide_by_zero() -> None:
    grey_NHWC = torch.full((4, 16, 16, 3), 128, dtype=torch.uint8)
    assert measure_normalisation(grey_NHWC).apply(grey_NHWC).isfinite().all()

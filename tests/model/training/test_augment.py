# ruff: noqa: N802, N803 - shapes in names
import pytest
import torch
from torch import Tensor

from model.network.normalisation import Normalisation
from model.spec import Augmentation
from model.training import augment
from model.training.augment import (
    Augment,
    blank_square,
    choose_crops,
    crop,
    flip,
    shrink,
    translate,
    vary_colour,
)

PLAIN = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture
def images_NHWC() -> Tensor:
    return torch.randint(256, (6, 16, 16, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_flipping_mirrors_the_chosen_images(images_NHWC: Tensor) -> None:
    flipped = flip(images_NHWC, torch.tensor([True, False, True, False, False, True]))
    assert torch.equal(flipped[0], images_NHWC[0].flip(1))
    assert torch.equal(flipped[1], images_NHWC[1])


@pytest.mark.parametrize("reflect", [True, False])
def test_every_translation_is_a_window_of_the_padded_image(images_NHWC: Tensor, reflect: bool) -> None:
    images_NCHW = PLAIN.apply(images_NHWC)
    mode = "reflect" if reflect else "constant"
    padded_NCHW = torch.nn.functional.pad(images_NCHW, (2, 2, 2, 2), mode=mode)
    moved_NCHW = translate(images_NCHW, 2, reflect=reflect)
    assert moved_NCHW.is_contiguous(memory_format=torch.channels_last)
    for image, padded in zip(moved_NCHW, padded_NCHW, strict=True):
        windows = [padded[:, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
        assert any(torch.equal(image, window) for window in windows)


def test_images_of_a_batch_are_shifted_differently() -> None:
    column = torch.arange(16.0).expand(1, 3, 16, 16)
    moved_NCHW = translate(column.repeat(64, 1, 1, 1), 2, reflect=True)
    assert len({tuple(image[0, 8, 4:12].tolist()) for image in moved_NCHW}) == 5


def test_cutout_blanks_one_square_of_each_image() -> None:
    blanked_NCHW = blank_square(torch.ones(32, 3, 16, 16), 4)
    assert (blanked_NCHW == 0).sum((1, 2, 3)).tolist() == [3 * 4 * 4] * 32
    assert len({tuple(image[0].flatten().tolist()) for image in blanked_NCHW}) > 16


def test_random_crop_zooms_and_flips() -> None:
    torch.manual_seed(0)
    ramp_NHWC = torch.arange(0, 256, 16, dtype=torch.uint8).view(1, 1, 16, 1).expand(40, 16, 16, 3)
    flips_N = torch.arange(40) % 2 == 1
    cropped_NHWC = crop(ramp_NHWC, choose_crops(flips_N))
    assert cropped_NHWC.shape == ramp_NHWC.shape
    rises_N = cropped_NHWC[:, 8, -1, 0] > cropped_NHWC[:, 8, 0, 0]
    assert torch.equal(rises_N, ~flips_N)
    assert cropped_NHWC.amin() >= 0
    assert cropped_NHWC.amax() <= 240


def test_colours_vary_and_stay_within_0_to_255(images_NHWC: Tensor) -> None:
    varied_NHWC = vary_colour(images_NHWC.float(), torch.rand(3, 6, 1, 1, 1))
    assert not torch.equal(varied_NHWC, images_NHWC.float())
    assert varied_NHWC.amin() >= 0
    assert varied_NHWC.amax() <= 255


@pytest.mark.parametrize(("side", "chunk_images"), [(16, 3), (32, 7), (64, 5)])
def test_photos_are_the_same_bits_whatever_the_size_of_the_chunks(
    monkeypatch: pytest.MonkeyPatch, side: int, chunk_images: int
) -> None:
    images_NHWC = torch.randint(256, (40, side, side, 3), dtype=torch.uint8)
    normalisation = Normalisation((0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    flips_N = torch.arange(40) % 2 == 1
    torch.manual_seed(3)
    cropped_NHWC = crop(images_NHWC, choose_crops(flips_N))
    whole_NCHW = normalisation.apply(vary_colour(cropped_NHWC, torch.rand(3, 40, 1, 1, 1)))
    monkeypatch.setattr(augment, "_CHUNK_PIXELS", chunk_images * side * side)
    torch.manual_seed(3)
    photo = Augment(Augmentation.PHOTO, translate=0.0, cutout=0.0, reflect_padding=True)
    chunked_NCHW = photo(images_NHWC, flips_N, normalisation)
    assert torch.equal(chunked_NCHW, whole_NCHW)
    assert chunked_NCHW.stride() == whole_NCHW.stride()


@pytest.mark.parametrize("kind", list(Augmentation))
def test_the_same_seed_gives_the_same_batch(kind: Augmentation, images_NHWC: Tensor) -> None:
    chosen = Augment(kind, translate=4 / 32, cutout=8 / 32, reflect_padding=True)
    flips_N = torch.zeros(6, dtype=torch.bool)
    batches = []
    for _ in range(2):
        torch.manual_seed(3)
        batches.append(chosen(images_NHWC, flips_N, PLAIN))
    assert torch.equal(*batches)
    assert batches[0].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batches[0], PLAIN.apply(images_NHWC)) == (kind is Augmentation.NONE)


def test_shrinking_scales_whole_images() -> None:
    assert shrink(torch.zeros(2, 3, 32, 32), 24).shape == (2, 3, 24, 24)

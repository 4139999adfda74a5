from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.storage.interface import Storage
from tests.model.imports import import_files, reasons
from tests.model.pictures import encode, noise, png, two_classes


def _mask(seed: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 2, (16, 24), dtype=np.uint8) * 255
    return encode(Image.fromarray(values))


def _photos(pattern: str) -> dict[str, bytes]:
    return {
        pattern.format(label=label, n=number): encode(noise(number + 100 * (label == "crack")), "JPEG")
        for label in ("blowhole", "crack")
        for number in range(8)
    }


def test_masks_beside_photos_of_the_same_name_are_left_out(storage: Storage, tmp_path: Path) -> None:
    expected = import_files(_photos("{label}/{n}.jpg"), storage, tmp_path).facts.id
    photos = _photos("{label}/Imgs/{n}.jpg")
    masks = {path.replace(".jpg", ".png"): _mask(number) for number, path in enumerate(photos)}
    record = import_files(photos | masks, storage, tmp_path / "x")
    assert record.facts.id == expected
    assert reasons(record)["crack/Imgs/0.png"] == "a mask of crack/Imgs/0.jpg"
    assert "16 masks of other images" in record.warnings[0]


def test_masks_with_soft_edges_are_left_out(storage: Storage, tmp_path: Path) -> None:
    photos = _photos("{label}/{n}.jpg")
    ramp = np.zeros((200, 256), dtype=np.uint8)
    ramp[:100] = 255
    ramp[100] = np.arange(256)
    soft = encode(Image.fromarray(ramp))
    record = import_files(photos | {path.replace(".jpg", ".png"): soft for path in photos}, storage, tmp_path)
    assert (record.images, record.skipped_count) == (16, 16)


def test_masks_that_names_or_folders_tell_are_left_out(storage: Storage, tmp_path: Path) -> None:
    expected = import_files(_photos("{label}/{n}.jpg"), storage, tmp_path).facts.id
    for photo, mask in (
        ("{label}/{label} ({n}).jpg", "{label}/{label} ({n})_mask.png"),
        ("{label}/images/{n}.jpg", "{label}/masks/{n}.png"),
        ("{label}/images/{n}.jpg", "{label}/masks/{n}_mask.png"),
        ("{label}/images/{n}_sat.jpg", "{label}/masks/{n}_mask.png"),
        ("{label}/{n}_sat.jpg", "{label}/{n}_mask.png"),
        ("{label}/{n}.jpg", "{label}/{n}_superpixels.png"),
    ):
        masks = {path: png(7000 + number) for number, path in enumerate(_photos(mask))}
        record = import_files(_photos(photo) | masks, storage, tmp_path / "x")
        assert record.facts.id == expected
        assert record.skipped_count == 16


@pytest.mark.parametrize("names", [("{n}.jpg", "{n}_label.png"), ("img_{n}.jpg", "mask_{n}.png")])
def test_images_whose_names_are_not_certain_are_masks_if_they_look_so(
    names: tuple[str, str], storage: Storage, tmp_path: Path
) -> None:
    photos, labels = (_photos(f"{{label}}/{name}") for name in names)
    masks = {path: _mask(number) for number, path in enumerate(labels)}
    assert import_files(photos | masks, storage, tmp_path).images == 16
    pictures = {path: png(8000 + number) for number, path in enumerate(labels)}
    record = import_files(photos | pictures, storage, tmp_path / "x")
    assert record.images == 32
    assert "16 images with names like those of masks" in record.warnings[0]


def test_masks_of_photos_with_other_names_are_told(storage: Storage, tmp_path: Path) -> None:
    masks = {path: _mask(number) for number, path in enumerate(_photos("{label}/{n}_mask.png"))}
    record = import_files(_photos("{label}/field {n}.jpg") | masks, storage, tmp_path)
    assert record.images == 32
    assert "16 images with names like those of masks" in record.warnings[0]


def test_photos_in_two_formats_are_used_and_told(storage: Storage, tmp_path: Path) -> None:
    photos = _photos("{label}/{n}.jpg")
    copies = {path.replace(".jpg", ".png"): png(9000 + number) for number, path in enumerate(photos)}
    record = import_files(photos | copies, storage, tmp_path)
    assert record.images == 32
    assert "16 images with names like those of masks or copies" in record.warnings[0]


def test_a_class_of_masks_to_wear_is_a_class(storage: Storage, tmp_path: Path) -> None:
    files = {
        path.replace("cat/", "mask/mask_").replace("dog/", "no_mask/"): data
        for path, data in two_classes().items()
    }
    record = import_files(files, storage, tmp_path)
    assert record.facts.classes == ["mask", "no_mask"]
    assert record.images == 20


def test_a_mask_that_a_table_lists_is_an_image(storage: Storage, tmp_path: Path) -> None:
    files = {f"{n}{end}.png": png(n + 100 * len(end)) for n in range(8) for end in ("", "_mask")}
    rows = [f"{n}{end},{'covered' if end else 'bare'}" for n in range(8) for end in ("", "_mask")]
    files["list.csv"] = "\n".join(["id,label", *rows]).encode()
    record = import_files(files, storage, tmp_path)
    assert record.facts.classes == ["bare", "covered"]
    assert (record.images, record.skipped_count) == (16, 0)

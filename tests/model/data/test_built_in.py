import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.data.built_in import BUILT_IN, read_built_in
from model.data.images import decode_image
from model.data.opening import export_images, find_facts
from model.data.split import hash_content
from model.errors import DatasetUnavailableError
from model.storage.interface import Storage


def test_the_facts_of_digits_are_those_of_the_images(tmp_path: Path) -> None:
    facts = BUILT_IN["digits"]
    train, test = read_built_in("digits", tmp_path)
    assert np.bincount(train.labels_N).tolist() == facts.train_counts
    assert np.bincount(test.labels_N).tolist() == facts.test_counts
    assert train.images_NHWC.shape[1:] == (facts.median_height, facts.median_width, 3)
    content = [
        (name, str(label), hashlib.sha256(image.tobytes()).hexdigest())
        for name, pixels in (("train", train), ("test", test))
        for image, label in zip(pixels.images_NHWC, pixels.labels_N, strict=True)
    ]
    assert hash_content(content) == facts.content_hash  # type: ignore[arg-type]
    assert train.images_NHWC.max() == 255
    assert not facts.mirror_symmetric


def test_facts_need_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from model.data.built_in import BUILT_IN; assert len(BUILT_IN) == 4; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_dataset_says_what_to_do(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailableError, match="ninefold datasets add"):
        find_facts("ds_nothing", storage)


def test_exported_digits_are_their_very_pixels(storage: Storage, tmp_path: Path) -> None:
    written = export_images("digits", "test", 12, tmp_path / "out", storage=storage, cache_dir=tmp_path)
    assert [path.name for path in written] == [f"{label}_0.png" for label in range(10)] + [
        "0_1.png",
        "1_1.png",
    ]
    _, test = read_built_in("digits", tmp_path)
    first_three = test.images_NHWC[test.labels_N == 3][0]
    decoded = decode_image((tmp_path / "out" / "3_0.png").read_bytes(), image_size=16)
    assert np.array_equal(np.asarray(decoded), first_three)


def test_the_command_exports_images_or_says_why_not(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "model",
        "export-images",
        "--out",
        str(tmp_path),
        "--count",
        "2",
        "--dataset",
    ]
    done = subprocess.run([*command, "digits"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{tmp_path}/0_0.png", f"{tmp_path}/1_0.png"]
    failed = subprocess.run([*command, "ds_nothing"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "There is no dataset 'ds_nothing'" in failed.stderr

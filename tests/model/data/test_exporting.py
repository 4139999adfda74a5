from pathlib import Path

import numpy as np

from model.data.exporting import export_images
from model.data.images import decode_image
from model.data.sources.reading import read_built_in
from model.storage.interface import Storage


def test_exported_digits_have_the_pixels_of_the_dataset(storage: Storage, tmp_path: Path) -> None:
    written = export_images("digits", "test", 12, tmp_path / "out", storage=storage, cache_dir=tmp_path)
    assert [path.name for path in written] == [f"{label}_0.png" for label in range(10)] + [
        "0_1.png",
        "1_1.png",
    ]
    _, test = read_built_in("digits", tmp_path)
    first_three = test.images_NHWC[test.labels_N == 3][0]
    decoded = decode_image((tmp_path / "out" / "3_0.png").read_bytes(), image_size=16)
    assert np.array_equal(np.asarray(decoded), first_three)

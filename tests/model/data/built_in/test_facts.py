import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np

from model.data.built_in.facts import BUILT_IN
from model.data.sources.reading import read_built_in
from model.data.split import hash_content


def test_the_facts_of_digits_match_the_images(tmp_path: Path) -> None:
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


def test_the_digits_need_neither_torch_nor_an_import_of_scikit_learn() -> None:
    code = (
        "import sys; from model.data.built_in.facts import BUILT_IN; assert len(BUILT_IN) == 4; "
        "from model.data.sources.digits import read_digits; assert len(read_digits().labels_N) == 1797; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision', 'sklearn', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The ids of the images of a dataset, by which reports, trainings and corrections name them. Opens no file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import StringConstraints

ImageId = Annotated[str, StringConstraints(pattern=r"^img_[0-9a-f]{24}(-[1-9][0-9]{0,5})?$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^grp_[0-9a-f]{12}$")]


def image_ids(digests: Iterable[str]) -> Iterator[str]:
    """Yield the id of each image: `img_` and 24 digits of its sha256; a further copy of the same bytes gets `-2`, `-3`, …

    Args:
        digests: the sha256 of each image in hex, in the order of the dataset's zip.
    """
    copies: Counter[str] = Counter()
    for digest in digests:
        image_id = f"img_{digest[:24]}"
        copies[image_id] += 1
        yield image_id if copies[image_id] == 1 else f"{image_id}-{copies[image_id]}"

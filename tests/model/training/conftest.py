from collections.abc import Iterator

import pytest

from model.network import resnet9

NARROWER = 4


@pytest.fixture(scope="module")
def narrow_network() -> Iterator[None]:
    """Train with fewer channels, which takes a tenth of the time, where the size of the network does not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resnet9, "WIDTH", resnet9.WIDTH // NARROWER)
        yield

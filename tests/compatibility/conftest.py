"""The previous release, and deployments of both releases."""

from collections.abc import Iterator

import pytest

from tests.compatibility.deployment import Deployment, Release, extracted_release, running_deployment

PREVIOUS = "2026-11"


@pytest.fixture(scope="session")
def old() -> Iterator[Release]:
    """Yield the previous release."""
    with extracted_release(PREVIOUS) as release:
        yield release


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with running_deployment() as deployment:
        yield deployment

"""The service of the files that do not start their own, and its first model."""

from collections.abc import Iterator

import pytest

from model.artifact.manifest import Manifest
from tests.api.serving import Service, running_service


@pytest.fixture(scope="package")
def service() -> Iterator[Service]:
    with running_service() as service:
        yield service


@pytest.fixture(scope="package")
def model(service: Service) -> Manifest:
    return service.publish("shapes")

"""One predictor for the tests of this folder, and a model that it serves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.predictor.supervision import PredictorProcess, SupervisionTimes
from model.artifact.manifest import Manifest
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.published import publish_model
from tests.api.serving import running_predictor

SECRETS = (
    "HTTPS_PROXY",
    "NINEFOLD_API_KEYS",
    "REDIS_URL",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_PASSWORD",
)
TIMES = SupervisionTimes(ping_every_s=0.2, ping_timeout_s=5)


@pytest.fixture(scope="package")
def storage_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tmp_path_factory.mktemp("storage").as_uri()


@pytest.fixture(scope="package")
def storage(storage_url: str) -> Storage:
    return open_storage(storage_url)


@pytest.fixture(scope="package")
def model(storage: Storage) -> Manifest:
    return publish_model(storage)


@pytest.fixture(scope="package")
def running(storage_url: str) -> Iterator[tuple[PredictorProcess, Path]]:
    with pytest.MonkeyPatch.context() as environment:
        for name in SECRETS:
            environment.setenv(name, "secret")
        with running_predictor(storage_url, times=TIMES) as (predictor, socket_path):
            yield predictor, socket_path


@pytest.fixture
def predictor(running: tuple[PredictorProcess, Path]) -> PredictorProcess:
    assert running[0].wait_ready(60)
    return running[0]


@pytest.fixture
def socket_path(predictor: PredictorProcess, running: tuple[PredictorProcess, Path]) -> Path:
    return running[1]

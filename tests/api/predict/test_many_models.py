"""Fifty models in the memory of five, while their aliases move: no request fails, and each model answers for itself."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from model.storage.opening import open_storage
from tests.api.pictures import png
from tests.api.published import publish_copy, publish_exported
from tests.api.serving import Service, running_service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAMES = [f"model{number}" for number in range(10)]
VERSIONS = range(1, 6)
ASKED, CLIENTS, LOADED = 400, 12, 5
WEIGHTS_BYTES = 27_000_000
"""Of one model; a little more than they are."""


@dataclass
class Production:
    """Which versions may answer for a name: the last promotion that was answered, and all that began after it."""

    promoted: list[int] = field(default_factory=lambda: [1])
    answered: int = 0

    def promote(self, service: Service, name: str, version: int) -> None:
        self.promoted.append(version)
        response = service.client.put(f"/models/{name}/aliases/production", json={"version": version})
        assert response.status_code == 200, response.text
        self.answered = len(self.promoted) - 1


def test_fifty_models_in_the_memory_of_five_answer_for_themselves_while_aliases_move() -> None:
    with running_service(cache_bytes=LOADED * WEIGHTS_BYTES) as service:
        original = publish_exported(open_storage(service.storage_url))
        for name in NAMES:
            for version in VERSIONS:
                service.publish(
                    name,
                    version=version,
                    alias="production" if version == 1 else None,
                    make=publish_copy,
                    original=original,
                )
        production = {name: Production() for name in NAMES}
        has_ended = threading.Event()
        promoting = threading.Thread(target=_promote, args=(service, production, has_ended))
        promoting.start()
        try:
            with ThreadPoolExecutor(CLIENTS) as clients:
                list(clients.map(lambda seed: _ask(service, production, seed), range(ASKED)))
        finally:
            has_ended.set()
            promoting.join()
        assert sum(len(one.promoted) for one in production.values()) > 2 * len(NAMES)
        _check_predictor(service)


def _promote(service: Service, production: dict[str, Production], has_ended: threading.Event) -> None:
    choose = random.Random(0)  # noqa: S311  # no secret
    while not has_ended.wait(0.02):
        name = choose.choice(NAMES)
        production[name].promote(service, name, choose.choice(VERSIONS))


def _ask(service: Service, production: dict[str, Production], seed: int) -> None:
    """Classify with a version, or with the one in production, and check who has answered."""
    choose = random.Random(seed)  # noqa: S311  # no secret
    name, version = choose.choice(NAMES), choose.choice(VERSIONS)
    is_by_alias = seed % 2 == 0
    first = production[name].answered
    ref = name if is_by_alias else f"{name}:{version}"
    response = service.client.post("/predict", content=png(seed), params={"model": ref})
    assert response.status_code == 200, response.text
    answered = response.json()["model"]["version"]
    assert answered in (production[name].promoted[first:] if is_by_alias else [version])
    assert response.json()["predictions"][0]["label"].startswith(f"{name}-{answered}-")


def _check_predictor(service: Service) -> None:
    """The models that were dropped hold neither memory nor files."""
    process = Path(f"/proc/{service.predictor.pid}")
    numbers = dict(
        line.split()[:2] for line in service.client.get("/metrics").text.splitlines() if line[0] != "#"
    )
    assert float(numbers["ninefold_predictor_loaded_models"]) <= LOADED
    assert float(numbers["ninefold_predictor_model_loads_total"]) > len(NAMES) * len(VERSIONS)
    assert len(list((process / "fd").iterdir())) < 64
    resident_kib = int((process / "status").read_text().split("VmRSS:")[1].split()[0])
    assert resident_kib < 300 * 1024  # 50 graphs of 7 MB and what they compute with would take 650 MiB

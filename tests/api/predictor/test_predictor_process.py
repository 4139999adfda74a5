"""The predictor process over its socket: scores, errors, restarts, and its end together with its parent."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch

from api.predictor.client import Predicted, PredictorClient
from api.predictor.errors import (
    CorruptModelError,
    DeadlineExceededError,
    ModelUnavailableError,
    PredictorUnavailableError,
)
from api.predictor.protocol.socket_path import check_socket_path
from api.predictor.supervision import PredictorProcess, SupervisionTimes, ping
from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key
from model.data.images import decode_image, resize_image
from model.spec import Resize
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.api.pictures import png, unusual_files
from tests.api.published import IMAGE_SIZE, publish_model, random_network
from tests.api.serving import running_predictor
from tests.stored import stored_path

T = TypeVar("T")

SECRETS = (
    "HTTPS_PROXY",
    "NINEFOLD_API_KEYS",
    "REDIS_URL",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_PASSWORD",
)
TIMES = SupervisionTimes(ping_every_s=0.2, ping_timeout_s=2)


@pytest.fixture(scope="module")
def storage_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tmp_path_factory.mktemp("storage").as_uri()


@pytest.fixture(scope="module")
def storage(storage_url: str) -> Storage:
    return open_storage(storage_url)


@pytest.fixture(scope="module")
def model(storage: Storage) -> Manifest:
    return publish_model(storage)


@pytest.fixture(scope="module")
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


def _with_client(socket_path: Path, use: Callable[[PredictorClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = PredictorClient(socket_path)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def _predict(socket_path: Path, model_id: str, images: list[bytes], top_k: int = 3) -> Predicted:
    return _with_client(socket_path, lambda client: client.predict(model_id, images, top_k=top_k))


def _expected_scores(data: bytes, seed: int) -> np.ndarray:
    """Scores of the unfused network for one image, computed from the definition of the network."""
    image = resize_image(decode_image(data, image_size=IMAGE_SIZE), IMAGE_SIZE, Resize.SQUASH)
    pixels = (torch.from_numpy(image).permute(2, 0, 1).float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        logits = random_network(3, seed)(pixels[None])[0] / 1.5
    return np.asarray(torch.softmax(logits, 0))


def test_scores_are_those_of_the_trained_network(socket_path: Path, model: Manifest) -> None:
    images = [png(seed, size=(20 + seed, 31)) for seed in range(5)]
    predicted = _predict(socket_path, model.id, images)
    for data, item in zip(images, predicted.items, strict=True):
        expected = _expected_scores(data, seed=0)
        assert {score.label: score.score for score in item.scores} == pytest.approx(
            {f"class-{k}": float(expected[k]) for k in range(3)}, abs=1e-4
        )
        assert [score.score for score in item.scores] == sorted((s.score for s in item.scores), reverse=True)


def test_unusual_but_valid_files_are_classified(socket_path: Path, model: Manifest) -> None:
    files = unusual_files()
    predicted = _predict(socket_path, model.id, list(files.values()))
    errors = {name: item.error for name, item in zip(files, predicted.items, strict=True) if item.error}
    assert errors == {}


def test_top_k_is_at_most_the_number_of_classes(socket_path: Path, model: Manifest) -> None:
    assert [len(_predict(socket_path, model.id, [png()], top_k=k).items[0].scores) for k in (1, 2, 9)] == [
        1,
        2,
        3,
    ]


def test_a_bad_image_does_not_fail_the_others_of_its_request(socket_path: Path, model: Manifest) -> None:
    items = _predict(socket_path, model.id, [png(), b"no image", png()[:200], png(1)]).items
    assert [item.error.code if item.error else "ok" for item in items] == [
        "ok",
        "not_an_image",
        "not_an_image",
        "ok",
    ]


def test_concurrent_requests_all_get_their_own_answer(socket_path: Path, model: Manifest) -> None:
    images = [png(seed) for seed in range(60)]

    async def predict_all(client: PredictorClient) -> list[Predicted]:
        return await asyncio.gather(*(client.predict(model.id, [image], top_k=1) for image in images))

    alone = _predict(socket_path, model.id, images, top_k=1).items
    together = [predicted.items[0] for predicted in _with_client(socket_path, predict_all)]
    for one, other in zip(alone, together, strict=True):
        assert one.scores[0].label == other.scores[0].label
        assert one.scores[0].score == pytest.approx(other.scores[0].score, abs=1e-4)


def test_corrupt_weights_are_refused_and_other_models_keep_answering(
    socket_path: Path, storage: Storage, model: Manifest
) -> None:
    corrupt = publish_model(storage, name="corrupt")
    weights = stored_path(storage, model_key(corrupt.id, WEIGHTS_FILE))
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(CorruptModelError, match="not those that were published"):
        _predict(socket_path, corrupt.id, [png()])
    assert _predict(socket_path, model.id, [png()]).items[0].scores


def test_a_model_without_files_is_unavailable(socket_path: Path) -> None:
    with pytest.raises(ModelUnavailableError):
        _predict(socket_path, "mdl_nothing", [png()])


def test_a_request_past_its_deadline_fails_with_deadline_exceeded(
    socket_path: Path, storage: Storage
) -> None:
    fresh = publish_model(storage, name="fresh")
    with pytest.raises(DeadlineExceededError):
        _with_client(socket_path, lambda client: client.predict(fresh.id, [png()], top_k=1, deadline_s=0.001))


def test_a_connection_works_after_a_request_was_cancelled(socket_path: Path, model: Manifest) -> None:
    async def cancel_then_predict(client: PredictorClient) -> Predicted:
        large = [png(seed, size=(600, 600)) for seed in range(8)]
        for delay_s in (0, 0.001, 0.01):
            leaving = asyncio.create_task(client.predict(model.id, large, top_k=1))
            await asyncio.sleep(delay_s)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        return await client.predict(model.id, [png()], top_k=1)

    assert _with_client(socket_path, cancel_then_predict).items[0].scores


def test_garbage_on_the_socket_closes_only_that_connection(socket_path: Path, model: Manifest) -> None:
    async def garbage() -> bytes:
        reader, writer = await asyncio.open_unix_connection(socket_path)
        writer.write(os.urandom(100) + b"\xff" * 100)
        answer = await reader.read()
        writer.close()
        return answer

    assert asyncio.run(garbage()) == b""
    assert _predict(socket_path, model.id, [png()]).items[0].scores


def test_only_this_user_may_open_the_socket(socket_path: Path) -> None:
    assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600


def test_a_long_socket_path_is_refused_with_the_setting_to_change() -> None:
    with pytest.raises(ValueError, match="NINEFOLD_RUNTIME_DIR"):
        check_socket_path(Path("/tmp") / ("x" * 100))  # noqa: S108  # nothing is created there


def test_without_a_predictor_requests_fail_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(PredictorUnavailableError) as refused:
        _predict(tmp_path / "none.sock", "mdl_a", [png()])
    assert refused.value.retry_after_s
    assert time.monotonic() - started < 1


def test_requests_in_flight_fail_at_once_when_the_predictor_is_killed_and_the_client_works_again(
    predictor: PredictorProcess, socket_path: Path, model: Manifest
) -> None:
    async def kill_then_predict(client: PredictorClient) -> tuple[float, float]:
        assert (await client.predict(model.id, [png()], top_k=1)).items[0].scores
        slow = [png(size=(1500, 1500))] * 8
        in_flight = [asyncio.create_task(client.predict(model.id, slow, top_k=1)) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert predictor.pid is not None
        os.kill(predictor.pid, signal.SIGKILL)
        killed = time.monotonic()
        outcomes = await asyncio.gather(*in_flight, return_exceptions=True)
        failed_s = time.monotonic() - killed
        assert all(isinstance(outcome, PredictorUnavailableError) for outcome in outcomes)
        return failed_s, await _seconds_until_it_works(client, model.id) + failed_s

    failed_s, works_s = _with_client(socket_path, kill_then_predict)
    assert failed_s < 1
    assert works_s < 5 * 15  # promised: 15 s on an idle machine


async def _seconds_until_it_works(client: PredictorClient, model_id: str) -> float:
    started = time.monotonic()
    while time.monotonic() - started < 90:
        try:
            await client.predict(model_id, [png()], top_k=1)
            break
        except PredictorUnavailableError:
            await asyncio.sleep(0.1)
    return time.monotonic() - started


def test_a_hanging_predictor_is_replaced(predictor: PredictorProcess) -> None:
    hung = predictor.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while predictor.pid in (hung, None) or not predictor.wait_ready(0):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not Path(f"/proc/{hung}").exists()


def test_no_secret_reaches_the_predictor(predictor: PredictorProcess) -> None:
    environment = Path(f"/proc/{predictor.pid}/environ").read_text()
    assert "PATH=" in environment
    assert "secret" not in environment


PARENT = """
import os, sys, time
from pathlib import Path
from api.predictor.protocol.socket_path import check_socket_path
from api.predictor.supervision import PredictorOptions, PredictorProcess
predictor = PredictorProcess(PredictorOptions(Path(sys.argv[1]), sys.argv[2], device="cpu"))
predictor.start()
assert predictor.wait_ready(60)
print(predictor.pid, flush=True)
time.sleep(60)
"""


def test_the_predictor_ends_with_its_parent(tmp_path: Path) -> None:
    socket_path = tmp_path / "p.sock"
    command = [sys.executable, "-c", PARENT, str(socket_path), tmp_path.as_uri()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not ping(socket_path, timeout_s=1)


def test_stop_ends_the_predictor(storage_url: str) -> None:
    with running_predictor(storage_url) as (predictor, _):
        pid = predictor.pid
        started = time.monotonic()
        predictor.stop()
        assert time.monotonic() - started < 5
    assert not Path(f"/proc/{pid}").exists()


def test_on_a_cpu_the_predictor_needs_no_torch_and_little_memory(
    predictor: PredictorProcess, socket_path: Path, model: Manifest
) -> None:
    predicted = _predict(socket_path, model.id, [png(seed) for seed in range(64)])
    assert predicted.precision == "float32"
    assert "torch" not in Path(f"/proc/{predictor.pid}/maps").read_text()


def test_the_memory_of_a_predictor_grows_by_the_weights_of_each_model(
    storage_url: str, storage: Storage
) -> None:
    models = [publish_model(storage, name=f"m{seed}", seed=seed) for seed in range(3)]
    used_mb = []
    with running_predictor(storage_url) as (predictor, socket_path):
        for model in models:
            _predict(socket_path, model.id, [png(seed) for seed in range(64)])
            status = Path(f"/proc/{predictor.pid}/status").read_text()
            used_mb.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
    assert used_mb[0] < 200  # with torch: 500
    assert used_mb[2] - used_mb[0] < 2 * 60  # each has 25 MB of weights


def test_no_second_network_is_kept_after_an_explanation(storage_url: str, model: Manifest) -> None:
    async def explain(client: PredictorClient) -> Predicted:
        return await client.predict(model.id, [png(seed) for seed in range(3)], top_k=1, explain=True)

    used_mb = []
    with running_predictor(storage_url) as (predictor, socket_path):
        for _ in range(4):
            predicted = _with_client(socket_path, explain)
            assert all(item.explanation for item in predicted.items)
            status = Path(f"/proc/{predictor.pid}/status").read_text()
            used_mb.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        assert "torch" not in Path(f"/proc/{predictor.pid}/maps").read_text()
    assert used_mb[3] - used_mb[0] < 25  # a network that stays takes 26 MB and more, each time


def test_explaining_a_model_whose_weights_were_damaged_since_fails_and_predictions_go_on(
    socket_path: Path, storage: Storage
) -> None:
    damaged = publish_model(storage, name="damaged")
    assert _predict(socket_path, damaged.id, [png()]).items[0].scores
    stored_path(storage, model_key(damaged.id, WEIGHTS_FILE)).write_bytes(b"damaged")
    with pytest.raises(CorruptModelError):
        _with_client(socket_path, lambda client: client.predict(damaged.id, [png()], top_k=1, explain=True))
    assert _predict(socket_path, damaged.id, [png()]).items[0].scores


def test_the_modules_that_the_api_imports_do_not_import_torch() -> None:
    code = (
        "import sys, api.predict.routes, api.predictor.client, api.predictor.supervision\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

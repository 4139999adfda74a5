"""The memory of the predictor process, and who imports torch."""

import subprocess
import sys
from pathlib import Path

from api.predictor.client import Predicted, PredictorClient
from api.predictor.supervision import PredictorProcess
from model.artifact.manifest import Manifest
from model.storage.interface import Storage
from tests.api.pictures import png
from tests.api.predictor.asking import predict, with_client
from tests.api.published import publish_model
from tests.api.serving import running_predictor


def test_on_a_cpu_the_predictor_needs_no_torch_and_little_memory(
    predictor: PredictorProcess, socket_path: Path, model: Manifest
) -> None:
    predicted = predict(socket_path, model.id, [png(seed) for seed in range(64)])
    assert predicted.precision == "float32"
    assert "torch" not in Path(f"/proc/{predictor.pid}/maps").read_text()


def test_the_memory_of_a_predictor_grows_by_the_weights_of_each_model(
    storage_url: str, storage: Storage
) -> None:
    models = [publish_model(storage, name=f"m{seed}", seed=seed) for seed in range(3)]
    used_mb = []
    with running_predictor(storage_url) as (predictor, socket_path):
        for model in models:
            predict(socket_path, model.id, [png(seed) for seed in range(64)])
            status = Path(f"/proc/{predictor.pid}/status").read_text()
            used_mb.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
    assert used_mb[0] < 200  # with torch: 500
    assert used_mb[2] - used_mb[0] < 2 * 60  # each has 25 MB of weights


def test_no_second_network_is_kept_after_an_explanation(storage_url: str, model: Manifest) -> None:
    async def explain(client: PredictorClient) -> Predicted:
        return await client.predict(model.id, [png(seed) for seed in range(3)], top_k=1, explain=True)

    used_mb = []
    with running_predictor(storage_url) as (predictor, socket_path):
        for _ in range(8):
            predicted = with_client(socket_path, explain)
            assert all(item.explanation for item in predicted.items)
            status = Path(f"/proc/{predictor.pid}/status").read_text()
            used_mb.append(int(status.split("VmRSS:")[1].split()[0]) / 1024)
        assert "torch" not in Path(f"/proc/{predictor.pid}/maps").read_text()
    # A network that stays takes 26 MB and more, each time. Memory in use for a moment is no leak: the least of four is compared.
    assert min(used_mb[4:]) - min(used_mb[:4]) < 50


def test_the_modules_that_the_api_imports_do_not_import_torch() -> None:
    code = (
        "import sys, api.predict.routes, api.predictor.client, api.predictor.supervision\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

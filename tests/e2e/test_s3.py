"""A complete service whose storage is an S3 bucket: nothing is written to the local storage folder."""

from pathlib import Path

import httpx
import pytest

from model.storage.opening import open_storage
from ninefold import NinefoldError
from tests.e2e.service import ENDLESS, Service
from tests.ninefold.processes import eventually
from tests.s3_server import BUCKET, running_s3

pytestmark = pytest.mark.timeout(240)


def test_a_bucket_holds_datasets_checkpoints_and_models(
    tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        url = f"s3://{BUCKET}/ninefold"
        storage = open_storage(url)
        service = Service(tmp_path, environment={**environment, "NINEFOLD_STORAGE": url})
        try:
            client = service.client
            client.add_dataset(tiny_folder, "tiny")
            job_id = service.submit(ENDLESS)
            service.wait_for_epoch(job_id, 1)
            client.pause(job_id)
            eventually(lambda: client.job(job_id)["status"] == "paused", 60, "the job is paused")
            assert storage.list(f"checkpoints/{job_id}/")
            client.resume(job_id)
            job = service.finish(job_id)
            assert [attempt["outcome"] for attempt in job["attempts"]] == ["paused", "stopped"]
            assert job["attempts"][1]["from_epoch"] > 0

            model_id = job["result"]["model"]["id"]
            assert client.predict([tiny_folder / "0" / "0.png"])["predictions"][0]["status"] == "ok"
            weights = storage.read_bytes(f"models/{model_id}/model.safetensors")
            with httpx.Client(base_url=client.url) as http:
                assert http.get(f"/models/{model_id}/files/model.safetensors").content == weights
                http.delete("/models/tiny/aliases/production").raise_for_status()
                http.delete(f"/models/{model_id}").raise_for_status()
            assert storage.list("models/") == []
            with pytest.raises(NinefoldError):
                client.model(model_id)
            assert list((tmp_path / "storage").iterdir()) == []
        finally:
            service.close()

"""`ninefold predictions`, with the real API and a real classifying process."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import redis
from typer.testing import CliRunner

from api.settings import ApiSettings
from model.storage.opening import open_storage
from ninefold.cli.app import app
from tests.api.predicting import running_classifier
from tests.api.published import publish_model
from tests.worker.kinds.batch_prediction.samples import zip_of_images
from tests.worker.processes import wait_until
from worker.registry.model_registry import ModelRegistry


def test_a_zip_is_classified_and_its_rows_are_downloaded(
    api_url: str, settings: ApiSettings, redis_client: redis.Redis, tmp_path: Path
) -> None:
    ModelRegistry(redis_client).register(publish_model(open_storage(settings.storage)).model_dump_json())
    zipped, rows = tmp_path / "photos.zip", tmp_path / "rows.csv"
    zipped.write_bytes(zip_of_images(3))
    with running_classifier(settings):

        def run(*arguments: str) -> str:
            done = CliRunner().invoke(app, ["predictions", *arguments, "--url", api_url])
            assert done.exit_code == 0, done.output
            return done.stdout

        created = json.loads(run("create", "shapes:1", "--zip", str(zipped), "--json"))
        assert (created["status"], created["result"]["images"], created["result"]["failed"]) == (
            "succeeded",
            4,
            1,
        )
        assert created["id"] in run("list", "--model", "shapes:1")
        run("download", created["id"], "-o", str(rows))
        assert len(rows.read_text().splitlines()) == 1 + 4
        run("delete", created["id"])
        assert run("list") == ""


def test_ctrl_c_says_that_the_service_goes_on(
    api_url: str, settings: ApiSettings, redis_client: redis.Redis, tmp_path: Path
) -> None:
    ModelRegistry(redis_client).register(publish_model(open_storage(settings.storage)).model_dump_json())
    zipped = tmp_path / "photos.zip"
    zipped.write_bytes(zip_of_images(3))
    command = [*(sys.executable, "-m", "ninefold", "predictions", "create", "shapes:1"), "--zip", str(zipped)]
    creating = subprocess.Popen([*command, "--url", api_url], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: httpx.get(f"{api_url}/predictions").json()["data"])
    creating.send_signal(signal.SIGINT)
    _, errors = creating.communicate(timeout=30)
    assert creating.returncode == 130
    assert errors == "What the service has, it classifies. Look with: ninefold predictions list\n"

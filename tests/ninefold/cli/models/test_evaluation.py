"""`ninefold models evaluation` and `ninefold models images`, with the real API."""

import json
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from api.settings import ApiSettings
from model.storage.opening import open_storage
from ninefold import Client
from ninefold.cli.app import app
from tests.api.evaluated import publish_evaluated, some_predictions
from tests.api.evaluating import running_evaluator
from tests.api.published import publish_model
from tests.worker.kinds.evaluation.samples import TESTED, make_dataset
from worker.queue.store import JobStore
from worker.registry.model_registry import ModelRegistry


@pytest.fixture
def url(api_url: str, settings: ApiSettings, redis_client: redis.Redis) -> str:
    """The address of a service with one model that has an evaluation and one that has none."""
    storage = open_storage(settings.storage)
    publish_evaluated(storage, redis_client, some_predictions())
    old = publish_model(storage, name="old")
    ModelRegistry(redis_client).register(old.model_dump_json())
    return api_url


def run(url: str, *arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["models", *arguments, "--url", url])
    assert result.exit_code == status, result.output
    return result


def test_an_evaluation_is_shown_with_intervals_classes_and_confusions(url: str) -> None:
    lines = run(url, "evaluation", "shapes:1").stdout.splitlines()
    assert lines[0].startswith("shapes:1  mdl_")
    assert "accuracy             60.0%  [42.3%, 75.4%]  30 images" in lines
    assert any(line.startswith("class-2       10      60.0%    60.0%    60.0%  [") for line in lines)
    assert lines[-3:] == [
        "      4  class-0 > class-1",
        "      4  class-1 > class-2",
        "      4  class-2 > class-0",
    ]
    assert json.loads(run(url, "evaluation", "shapes:1", "--json").stdout)["object"] == "evaluation"
    assert "train it again" in run(url, "evaluation", "old:1", status=1).stderr


def test_a_model_is_evaluated_on_another_dataset(
    url: str, settings: ApiSettings, redis_client: redis.Redis, tmp_path: Path
) -> None:
    storage = open_storage(settings.storage)
    make_dataset(JobStore(redis_client), tmp_path, "class-0", "class-1", "other", storage=storage)
    with running_evaluator(settings):
        lines = run(url, "evaluation", "shapes:1", "--dataset", "pets").stdout.splitlines()
        failed = run(url, "evaluation", "shapes:1", "--dataset", "digits", status=1)
    assert "on the test images of pets (ds_" in lines[0]
    assert lines[1] == f"not counted: {TESTED} images of other, a class that the model does not have"
    assert lines[2].startswith("not all training images of the model are known")
    assert "No image has a class of the model" in failed.stderr
    with Client(url) as client:
        _, done = client.evaluations("shapes:1")
        assert (done["status"], done["result"]["images"]) == ("succeeded", 2 * TESTED)
        assert client.evaluation_run("shapes:1", done["id"])["evaluation"]["split"] == "test"
        listed = run(url, "images", "shapes:1", "--evaluation", done["id"], "--label", "class-1")
        assert len(listed.stdout.splitlines()) == TESTED
        client.delete_evaluation("shapes:1", done["id"])
        assert len(list(client.evaluations("shapes:1"))) == 1


def test_the_images_of_a_confusion_are_listed(url: str) -> None:
    lines = run(url, "images", "shapes:1", "--label", "class-0", "--predicted", "class-1").stdout.splitlines()
    assert len(lines) == 4
    assert all("  class-0 " in line and " > class-1 " in line for line in lines)
    listed = run(url, "images", "shapes:1", "--order", "best", "--limit", "1", "--json").stdout.splitlines()
    assert [json.loads(line)["rank"] for line in listed] == [1]

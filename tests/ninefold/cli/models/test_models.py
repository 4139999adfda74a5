"""`ninefold models`: what the commands print and do, with the real API."""

import json
import zipfile
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from api.settings import ApiSettings
from model.storage.opening import open_storage
from ninefold import Client, NinefoldError
from ninefold.cli.app import app
from tests.api.evaluated import publish_evaluated
from tests.api.model_importing import running_model_importer
from tests.api.models.test_promotion import predictions
from tests.api.published import publish_model
from worker.registry.model_registry import ModelRegistry


@pytest.fixture
def url(api_url: str, settings: ApiSettings, redis_client: redis.Redis) -> str:
    """The address of a service with three versions of `shapes`."""
    for version in (1, 2, 3):
        manifest = publish_model(open_storage(settings.storage), version=version, seed=version)
        ModelRegistry(redis_client).register(manifest.model_dump_json())
    return api_url


def run(url: str, *arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["models", *arguments, "--url", url])
    assert result.exit_code == status, result.output
    return result


def test_a_version_is_promoted_rolled_back_and_the_history_tells_it(url: str) -> None:
    run(url, "promote", "shapes:1", "--expect", "0")
    promoted = run(url, "promote", "shapes:latest", "--reason", "more photos")
    assert promoted.stdout.startswith("shapes@production is version 3 (mdl_")
    assert "ninefold models rollback shapes" in promoted.stderr
    assert run(url, "get", "shapes").stdout.startswith("shapes:3 ")

    refused = run(url, "promote", "shapes:2", "--expect", "1", status=1)
    assert "production of shapes points at version 3" in refused.stderr
    back = json.loads(run(url, "rollback", "shapes", "--reason", "too many errors", "--json").stdout)
    assert (back["version"], back["change"]["returns_to"]) == (1, "chg_1")
    assert "no earlier version" in run(url, "rollback", "shapes", status=1).stderr

    newest, promoted_line, first = run(url, "history", "shapes").stdout.splitlines()
    assert "  3 → 1 (rollback)  too many errors" in newest
    assert promoted_line.endswith("  1 → 3  more photos")
    assert first.endswith("  none → 1")
    listed = run(url, "history", "shapes", "--limit", "1", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in listed] == ["chg_3"]
    assert "ninefold models list" in run(url, "history", "shapes", "--alias", "canary", status=1).stderr


def test_predictions_through_an_alias_are_unsure_below_its_scores(url: str) -> None:
    promote = ("promote", "shapes:1", "--alias", "canary")
    found = run(url, *promote, "--min-score", "0.6", "--min-score", "class-0=0.8").stdout
    assert "unsure below 0.6, class-0 0.8" in found
    run(url, *promote, "--no-min-scores")
    newest, oldest = run(url, "history", "shapes", "--alias", "canary").stdout.splitlines()
    assert newest.endswith("1 stays  unsure below nothing")
    assert oldest.endswith("none → 1  unsure below 0.6, class-0 0.8")
    assert "pass 0.6, or cat=0.8" in run(url, *promote, "--min-score", "cat=high", status=2).output


def test_a_starter_is_built_by_a_job(url: str) -> None:
    job_id = run(url, "starter", "build", "--dataset", "digits", "--minutes", "2", "--set", "seed=3").stdout
    with Client(url) as client:
        spec = client.job(job_id.strip())["spec"]
    assert (spec["name"], spec["dataset"], spec["time_budget_s"], spec["seed"]) == (
        "starter",
        "digits",
        120,
        3,
    )


def test_a_model_is_shown_downloaded_exported_imported_and_deleted(
    url: str, settings: ApiSettings, tmp_path: Path
) -> None:
    shown = run(url, "get", "shapes:2").stdout
    assert "class-0, class-1, class-2" in shown
    assert "model.safetensors" in shown
    assert json.loads(run(url, "get", "shapes:2", "--json").stdout)["version"] == 2

    target = tmp_path / "mine"
    run(url, "download", "shapes:2", "--to", str(target))
    names = ["README.md", "manifest.json", "model.safetensors"]
    assert sorted(file.name for file in target.iterdir()) == names
    assert "exists already" in run(url, "download", "shapes:2", "--to", str(target), status=1).stderr
    run(url, "download", "shapes:2", "--to", str(tmp_path / "one"), "--file", "manifest.json")
    assert [file.name for file in (tmp_path / "one").iterdir()] == ["manifest.json"]

    bundle = tmp_path / "bundle.zip"
    assert run(url, "export", "shapes:2", "--to", str(bundle)).stdout == f"{bundle}\n"
    with zipfile.ZipFile(bundle) as archive:
        assert archive.namelist() == ["README.md", "manifest.json", "model.safetensors"]
    assert "It has: model.safetensors" in run(url, "export", "shapes:2", "--format", "onnx", status=1).stderr

    with running_model_importer(settings.redis_url, settings.storage):
        imported = run(url, "import", str(bundle), "--name", "garden")
        assert imported.stdout.startswith("garden:1  mdl_")
        assert "ninefold models promote garden:1" in imported.stderr
        assert json.loads(run(url, "import", str(bundle), "--json").stdout)["version"] == 4
        (tmp_path / "other.zip").write_bytes(b"PK\3\4")
        refused = run(url, "import", str(tmp_path / "other.zip"), status=1)
        assert "export the model again" in refused.stderr

    run(url, "promote", "shapes:1")
    assert "production" in run(url, "delete", "shapes:1", status=1).stderr
    assert "shapes:2 (mdl_" in run(url, "delete", "shapes:2").stdout
    assert "shapes:2" not in run(url, "list", "--name", "shapes").stdout


def test_the_client_rolls_back_and_deletes_an_alias(url: str) -> None:
    with Client(url) as client:
        client.promote("shapes:1", "canary", expected_version=None)
        moved = client.promote(client.model("shapes:2")["id"], "canary", expected_version=1)
        assert (moved["version"], moved["previous_version"]) == (2, 1)
        assert client.rollback("shapes", "canary", expected_version=2)["version"] == 1
        assert client.alias("shapes", "canary")["change"]["returns_to"] == "chg_1"
        client.delete_alias("shapes", "canary", reason="no longer used")
        assert [one["to_version"] for one in client.alias_history("shapes", "canary")] == [None, 1, 2, 1]


def test_a_version_is_promoted_only_if_it_is_better(
    api_url: str, settings: ApiSettings, redis_client: redis.Redis
) -> None:
    for version, wrong in enumerate((30, 28, 10), start=1):
        publish_evaluated(open_storage(settings.storage), redis_client, predictions(wrong), version=version)
    run(api_url, "promote", "shapes:1")
    refused = run(api_url, "promote", "shapes:2", "--if-better", status=1)
    assert "shapes:2 is not shown to be better than shapes:1" in refused.stderr
    run(api_url, "promote", "shapes:3", "--if-better", "--margin", "0.9", status=1)
    promoted = run(api_url, "promote", "shapes:3", "--if-better", "--metric", "balanced_accuracy")
    assert "balanced accuracy 0.8333 against 0.5 on 60 images, difference +0.3333 (" in promoted.stdout
    assert "0.8333 against 0.5" in run(api_url, "history", "shapes").stdout.splitlines()[0]
    assert "need --if-better" in run(api_url, "promote", "shapes:1", "--margin", "0.1", status=2).output
    with Client(api_url) as client:
        with pytest.raises(NinefoldError) as caught:
            client.promote("shapes:2", if_better=True)
        assert caught.value.code == "not_better"
        assert caught.value.members["comparison"]["images"] == 60

    compared = run(api_url, "compare", "shapes:3", "shapes:1", "shapes:2", "--images", "3").stdout
    assert "shapes:3 is better than shapes:1" in compared
    assert "shapes:3 is better than shapes:2" in compared
    assert "different predictions for 20 images" in compared
    assert compared.count("  is class-") == 3
    first, *images = run(
        api_url, "compare", "shapes:3", "shapes:1", "--images", "2", "--json"
    ).stdout.splitlines()
    assert json.loads(first)["object"] == "model_comparison"
    assert [json.loads(one)["object"] for one in images] == ["compared_image"] * 2

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from model.artifact.manifest import Manifest, model_key
from tests.model.manifests import draft, published


def test_a_manifest_is_unchanged_by_json() -> None:
    manifest = published("mdl_a", draft())
    text = manifest.model_dump_json()
    assert Manifest.model_validate_json(text) == manifest
    assert json.loads(text)["object"] == "model"
    assert json.loads(text)["preprocessing"] == {
        "image_size": 16,
        "resize": "squash",
        "mean": [0.4, 0.5, 0.6],
        "std": [0.2, 0.25, 0.3],
        "sample_bits": 16,
    }


def test_a_draft_with_id_name_and_version_becomes_a_manifest() -> None:
    manifest = Manifest(
        **draft().model_dump(),
        id="mdl_a",
        name="digits",
        version=3,
        created_at=datetime.now(UTC),
        created_by=None,
        job_id="job_a",
    )
    assert manifest.classes == ["a", "b", "c"]
    assert manifest.metrics.val_accuracy is None


def test_unknown_metrics_are_kept() -> None:
    text = published("mdl_a", draft()).model_dump_json().replace('"test_loss"', '"macro_f1":0.5,"test_loss"')
    assert '"macro_f1":0.5' in Manifest.model_validate_json(text).model_dump_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"classes": ["only one"]},
        {"files": {"model.safetensors": {"sha256": "short", "size_bytes": 1}}},
    ],
)
def test_invalid_manifests_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate(published("mdl_a", draft()).model_dump() | changes)


def test_all_files_of_a_model_have_the_same_key_prefix() -> None:
    assert model_key("mdl_a", "manifest.json") == "models/mdl_a/manifest.json"

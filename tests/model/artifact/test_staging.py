import hashlib
from dataclasses import replace

import numpy as np
import pytest

from model.artifact.classifier import Classifier
from model.artifact.manifest import WEIGHTS_FILE, Manifest, model_key, unregistered_manifest
from model.artifact.onnx_classifier import OnnxClassifier
from model.artifact.precision import PrecisionSetting
from model.artifact.staging import stage_model
from model.export.facts import INT8_FILE, ONNX_FILE
from model.export.samples import ExportSamples
from model.recipes.recipe import recipe_of
from model.recipes.resolved_recipe import ResolvedRecipe, resolve_recipe
from tests.model.tiny_training import TinyTraining


def test_staging_writes_weights_and_describes_them(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(epochs=1)
    draft = stage_model(trained, tiny_training.storage, "mdl_staged")
    weights = tiny_training.storage.read_bytes(model_key("mdl_staged", WEIGHTS_FILE))
    assert draft.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()
    assert draft.files[WEIGHTS_FILE].size_bytes == len(weights)
    assert draft.parameters == 6_573_120 - 7 * 512
    assert draft.classes == ["blue", "green", "red"]
    assert draft.dataset.id == tiny_training.facts.id


def test_staging_writes_graphs_and_their_proof(tiny_training: TinyTraining) -> None:
    storage = tiny_training.storage
    trained = tiny_training.train(epochs=1, validation_fraction=0.2)
    draft = stage_model(trained, storage, "mdl_graphs")
    assert {ONNX_FILE, INT8_FILE} < set(draft.files)
    assert draft.onnx is not None
    assert draft.onnx.int8 is not None
    assert trained.export_samples is not None
    assert draft.onnx.int8.images == len(trained.export_samples.labels_N) > 0
    manifest = unregistered_manifest(draft, "mdl_graphs", "colours")
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    images = trained.export_samples.training_NHWC
    plain = OnnxClassifier.load(storage, manifest, 1, PrecisionSetting.FLOAT32)
    assert plain.precision == "float32"
    torch_scores = Classifier.load(storage, manifest, "cpu").classify(images)
    assert plain.classify(images) == pytest.approx(torch_scores, abs=1e-4)
    for is_served, precision in ((True, "int8"), (False, "float32")):
        proof = draft.onnx.int8.model_copy(update={"is_served": is_served})
        onnx = draft.onnx.model_copy(update={"int8": proof})
        served = OnnxClassifier.load(storage, manifest.model_copy(update={"onnx": onnx}), 1)
        assert served.precision == precision
        assert np.abs(served.classify(images) - torch_scores).max() <= draft.onnx.int8.max_difference + 0.05


def test_a_model_whose_export_fails_is_published_without_graphs(
    tiny_training: TinyTraining, caplog: pytest.LogCaptureFixture
) -> None:
    trained = tiny_training.train(epochs=1)
    too_small = ExportSamples(*(np.zeros((2, 3, 3, 3), np.uint8),) * 2, np.zeros(2, np.int64))
    draft = stage_model(replace(trained, export_samples=too_small), tiny_training.storage, "mdl_without")
    assert draft.onnx is None
    assert ONNX_FILE not in draft.files
    assert "the model is published without it" in caplog.text
    manifest = unregistered_manifest(draft, "mdl_without", "colours")
    assert OnnxClassifier.load(tiny_training.storage, manifest, 1).precision == "float32"


def test_the_manifest_holds_the_recipe_with_all_its_settings(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(epochs=1, recipe="classic", label_smoothing=0.125)
    draft = stage_model(trained, tiny_training.storage, "mdl_recipe")
    stored = ResolvedRecipe.model_validate(draft.lineage["recipe"])
    assert stored.to_recipe() == replace(recipe_of(trained.spec), label_smoothing=0.125)
    assert stored.name == "classic"
    assert draft.lineage["recipe"] == resolve_recipe(trained.spec).model_dump(mode="json")

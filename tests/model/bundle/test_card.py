"""The model card is read by the library of the Hugging Face Hub, whatever the names are."""

import numpy as np
import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from model.artifact.manifest import ANCESTORS, BUILT_IN_ORIGIN, DatasetReference, FileFacts, Manifest
from model.bundle.derived import Sources, derived_files
from model.data.built_in.facts import BUILT_IN
from model.evaluation.evaluating import evaluate
from model.evaluation.evaluation import Evaluation
from model.evaluation.stored_predictions import StoredPredictions
from model.export.facts import INT8_FILE, ONNX_FILE, Float32Facts, Int8Facts, OnnxFacts
from tests.model.manifests import draft, published

FACTS = FileFacts(sha256="0" * 64, size_bytes=1)
INT8 = Int8Facts(
    images=100,
    agreement=0.99,
    accuracy_fp32=0.8,
    accuracy_int8=0.8,
    difference_ci95=(-0.01, 0.01),
    log_loss_fp32=1,
    log_loss_int8=1,
    max_difference=0.1,
    is_served=True,
)


def model(classes: list[str], **changes: object) -> Manifest:
    return published("mdl_x", draft()).model_copy(update={"classes": classes, **changes})


def evaluation(classes: list[str]) -> Evaluation:
    labels_N = np.arange(60) % len(classes)
    logits_NK = np.eye(len(classes), dtype=np.float32)[labels_N] * 2
    logits_NK[:10] = logits_NK[1:11]
    ids_N = np.array([f"img_{number}" for number in range(60)])
    predictions = StoredPredictions(logits_NK, labels_N, np.full(60, -1, np.int32), ids_N)
    reference = DatasetReference(id="ds_x", name="shapes", content_hash="0" * 64)
    return evaluate(predictions, classes, 1.0, reference)


def card_of(manifest: Manifest, found: Evaluation | None = None) -> str:
    return derived_files(Sources(manifest, found, []))["README.md"].decode()


def data_of(text: str) -> ModelCardData:
    data = ModelCard(text).data
    assert isinstance(data, ModelCardData)
    return data


def results_of(data: ModelCardData) -> list[EvalResult]:
    assert data.eval_results
    return data.eval_results


def test_the_metadata_state_the_accuracy_with_its_interval() -> None:
    exported = model(
        ["a", "b", "c"],
        files={ONNX_FILE: FACTS, INT8_FILE: FACTS},
        onnx=OnnxFacts(opset=20, fp32=Float32Facts(max_difference=1e-6, images=16), int8=INT8),
    )
    found = evaluation(exported.classes)
    text = card_of(exported, found)
    data = data_of(text)
    assert (data.library_name, data.pipeline_tag, data.license) == ("ninefold", "image-classification", None)
    assert "onnx" in (data.tags or [])
    accuracy, balanced = results_of(data)
    assert (accuracy.dataset_name, accuracy.dataset_split, accuracy.task_type) == (
        "digits",
        "test",
        "image-classification",
    )
    assert accuracy.metric_value == pytest.approx(found.accuracy, abs=1e-6)
    assert f"{found.ci95[0]:.4f} to {found.ci95[1]:.4f}" in (accuracy.metric_name or "")
    assert balanced.metric_type == "balanced_accuracy"
    assert "python predict.py photo.jpg" in text
    assert "same answer for 99.0% of 100 validation images" in text
    assert "![Confusion matrix](confusion_matrix.svg)" in text


def test_the_card_of_a_model_of_an_earlier_release_says_what_is_missing() -> None:
    text = card_of(model(["a", "b"]))
    [accuracy] = results_of(data_of(text))
    assert accuracy.metric_value == 0.5
    assert "there is no `model.onnx`, and so no `predict.py`" in text
    assert "kept no further scores" in text
    assert "svg" not in text


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_model_of_a_built_in_dataset_names_the_source_and_the_licence_of_its_images(name: str) -> None:
    text = card_of(model(["a", "b"], dataset=DatasetReference.of(BUILT_IN[name])))
    assert "https://" in text
    assert ("state no licence" in text) is name.startswith("cifar")
    assert "not known to Ninefold" not in text


def test_a_model_of_a_copy_of_a_built_in_dataset_names_the_source_and_the_licence() -> None:
    copy = DatasetReference(id="ds_x", name="own-cifar", content_hash="0" * 64)
    text = card_of(model(["a", "b"], dataset=copy, lineage={BUILT_IN_ORIGIN: "cifar10"}))
    assert "from a copy of cifar10" in text
    assert "state no licence" in text
    assert "not known to Ninefold" not in text


def test_a_model_that_began_with_a_starter_names_the_source_of_the_starters_images() -> None:
    own = DatasetReference(id="ds_x", name="pets", content_hash="0" * 64)
    ancestors = [
        {"model": "mdl_starter", "dataset": "cifar10"},
        {"model": "mdl_y", "dataset": None},
        {"model": "mdl_z", "dataset": "ds_copy", "built_in_origin": "fashion-mnist"},
        "damaged",
    ]
    text = card_of(model(["a", "b"], dataset=own, lineage={ANCESTORS: ancestors}))
    assert "The dataset pets" in text
    assert "not known to Ninefold" in text
    assert "were trained on cifar10. The images are CIFAR-10" in text
    assert "were trained on fashion-mnist. The images are Fashion-MNIST" in text
    assert "Krizhevsky" not in card_of(model(["a", "b"], dataset=own))


@pytest.mark.parametrize(
    "name",
    ['"quoted": {yes}', "--- \n---\nlicense: mit", "<script>alert(1)</script>", "a|b`c*d", "\x7f\x85\u2028\ufeff", "\ud800", "犬 🐕", "- !!python/object:x"],
)  # fmt: skip
def test_hostile_names_neither_break_the_metadata_nor_become_markup(name: str) -> None:
    reference = DatasetReference(id="ds_x", name=name, content_hash="0" * 64)
    manifest = model([name, "other"], dataset=reference, versions={name: name})
    text = card_of(manifest, evaluation(manifest.classes))
    data = data_of(text)
    assert (data.license, data.library_name) == (None, "ninefold")
    expected = "\ufffd" if name == "\ud800" else name
    assert results_of(data)[0].dataset_name == expected
    assert "<script>" not in text.split("---", 2)[2]
    rows = [line for line in text.splitlines() if line.endswith(" |") and "%" in line]
    assert all(line.replace("\\|", "").count("|") in (4, 7) for line in rows)


def test_large_images_are_said_to_be_judged_by_patches() -> None:
    large = draft().preprocessing.model_copy(update={"image_size": 224})
    assert "bag of patches" in card_of(model(["a", "b"], preprocessing=large))
    assert "bag of patches" not in card_of(model(["a", "b"]))

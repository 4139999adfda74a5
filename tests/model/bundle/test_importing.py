"""A bundle of another service is checked before anything of it is kept, and nothing of it is run."""

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from safetensors.numpy import load, save

from model.artifact.manifest import Manifest
from model.bundle import weights
from model.bundle.epochs import EpochMetrics, TrainingEpochs
from model.bundle.importing import read_bundle
from model.errors import BundleRejectedError
from model.evaluation.evaluation import Evaluation
from model.evaluation.stored_predictions import StoredPredictions, parse_predictions, serialise_predictions
from model.export.facts import Float32Facts, OnnxFacts
from model.export.graph import GraphBuilder
from model.export.held_out import HeldOutScores
from model.export.quantization import quantize
from model.network import resnet9
from model.network.resnet9 import ResNet9, published_weights
from tests.model.bundle.test_card import INT8
from tests.model.conftest import NARROWER
from tests.model.manifests import draft, published
from tests.model.networks import as_arrays, network_with_statistics

CLASSES = 3
SPEC = published("mdl_there", draft()).spec.model_dump(mode="json")
Files = dict[str, bytes]


def test_the_expected_shapes_are_those_of_the_network(narrow_network: None) -> None:
    assert weights._WIDTH == resnet9.WIDTH
    shapes = {name: tuple(tensor.shape) for name, tensor in published_weights(ResNet9(7)).items()}
    assert weights.expected_shapes(7) == shapes


@pytest.fixture(scope="module")
def files(narrow_network: None) -> Files:
    """The stored files of a model, without its manifest."""
    network = as_arrays(network_with_statistics(), 16)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    labels_N = np.arange(9) % CLASSES
    logits_NK = np.eye(CLASSES, dtype=np.float32)[labels_N]
    ids_N = np.array([f"img_{number}" for number in range(9)])
    epoch = EpochMetrics(epoch=1, train_loss=1, train_accuracy=0.5, val_loss=None, val_accuracy=None)
    return {
        "model.safetensors": save({name: np.ascontiguousarray(one) for name, one in network.weights.items()}),
        "model.onnx": GraphBuilder(network).build(),
        "model.int8.onnx": quantize(network, images_NHWC, 1),
        "predictions.safetensors": serialise_predictions(
            StoredPredictions(logits_NK, labels_N, np.full(9, -1, np.int32), ids_N)
        ),
        "evaluation.json": b"{}",
        "epochs.json": TrainingEpochs(epochs=[epoch]).model_dump_json().encode(),
        "held_out.json": HeldOutScores(label_probabilities={"float32": [0.5, 1]}).model_dump_json().encode(),
    }


@pytest.fixture(autouse=True)
def narrow_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_WIDTH", weights._WIDTH // NARROWER)


def manifest_of(files: Files, **changes: Any) -> Manifest:
    facts = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        for name, data in files.items()
    }
    onnx_facts = OnnxFacts(opset=20, fp32=Float32Facts(max_difference=0, images=1), int8=INT8)
    plain = published("mdl_there", draft(temperature=1.7)).model_dump(mode="json")
    return Manifest.model_validate({**plain, "files": facts, "onnx": onnx_facts.model_dump(), **changes})


def write(path: Path, files: Files, manifest: bytes | None = None, **changes: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", "# a model")
        archive.writestr("manifest.json", manifest or manifest_of(files, **changes).model_dump_json())
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_a_bundle_becomes_the_same_model(files: Files, tmp_path: Path) -> None:
    imported = read_bundle(write(tmp_path / "bundle.zip", files), 1)
    assert imported.name == "digits"
    kept = (
        "model.safetensors",
        "model.onnx",
        "model.int8.onnx",
        "predictions.safetensors",
        "epochs.json",
        "held_out.json",
    )
    assert {name: imported.files[name] for name in kept} == {name: files[name] for name in kept}
    assert Evaluation.model_validate_json(imported.files["evaluation.json"]).accuracy == 1
    origin = imported.draft["lineage"]["imported_from"]
    assert (origin["id"], origin["name"], origin["version"]) == ("mdl_there", "digits", 1)
    assert not {"id", "name", "version", "created_at", "created_by", "job_id"} & set(imported.draft)
    for name, data in imported.files.items():
        assert imported.draft["files"][name]["sha256"] == hashlib.sha256(data).hexdigest()
    assert set(imported.draft["files"]) == set(imported.files)


def test_fields_of_later_releases_are_left_out(files: Files, tmp_path: Path) -> None:
    given = manifest_of(files).stored()
    given |= {"later": 1, "metrics": {**given["metrics"], "later": 1}}
    imported = read_bundle(write(tmp_path / "bundle.zip", files, manifest=json.dumps(given).encode()), 1)
    assert "later" not in imported.draft
    assert "later" not in imported.draft["metrics"]
    assert imported.draft["lineage"]["onnx"]["int8"]["is_served"]


def test_a_bundle_of_the_previous_release_lacks_the_held_out_scores(files: Files, tmp_path: Path) -> None:
    manifest = manifest_of(files).model_dump_json().encode()
    without = {name: data for name, data in files.items() if name != "held_out.json"}
    imported = read_bundle(write(tmp_path / "bundle.zip", without, manifest=manifest), 1)
    assert set(imported.draft["files"]) == set(without)


def test_a_model_of_an_earlier_release_is_imported_with_what_it_has(files: Files, tmp_path: Path) -> None:
    only = {"model.safetensors": files["model.safetensors"]}
    imported = read_bundle(write(tmp_path / "bundle.zip", only, onnx=None), 1)
    assert set(imported.files) == {"model.safetensors"}
    assert "onnx" not in imported.draft["lineage"]


def test_graphs_of_the_bundle_are_replaced_by_those_of_its_weights(files: Files, tmp_path: Path) -> None:
    evil = onnx.ModelProto.FromString(files["model.onnx"])
    evil.graph.initializer[-1].data_location = onnx.TensorProto.EXTERNAL
    changed = {**files, "model.onnx": evil.SerializeToString()}
    int8 = onnx.ModelProto.FromString(files["model.int8.onnx"])
    int8.graph.node[0].op_type = "Evil"
    changed["model.int8.onnx"] = int8.SerializeToString()
    imported = read_bundle(write(tmp_path / "bundle.zip", changed), 1)
    assert imported.files["model.onnx"] == files["model.onnx"]
    assert imported.files["model.int8.onnx"] == files["model.int8.onnx"]


def other_weights(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Files], Files]:
    def changed(files: Files) -> Files:
        arrays = {name: array.copy() for name, array in load(files["model.safetensors"]).items()}
        change(arrays)
        return {**files, "model.safetensors": save(arrays)}

    return changed


def other_ids(ids: list[str]) -> Callable[[Files], Files]:
    def changed(files: Files) -> Files:
        predictions = parse_predictions(files["predictions.safetensors"], CLASSES)
        other = serialise_predictions(replace(predictions, ids_N=np.array(ids)))
        return {**files, "predictions.safetensors": other}

    return changed


def _fill(name: str, value: float) -> Callable[[dict[str, np.ndarray]], object]:
    return lambda arrays: arrays[name].fill(value)


def _scale(change: Callable[[onnx.TensorProto], object]) -> Callable[[Files], Files]:
    def changed(files: Files) -> Files:
        graph = onnx.ModelProto.FromString(files["model.int8.onnx"])
        [constant] = [one for one in graph.graph.initializer if one.name == "features.0.relu.scale"]
        change(constant)
        return {**files, "model.int8.onnx": graph.SerializeToString()}

    return changed


def _external(constant: onnx.TensorProto) -> None:
    constant.ClearField("raw_data")
    constant.data_location = onnx.TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (other_weights(_fill("features.4.conv.weight", np.nan)), "not finite"),
        (other_weights(_fill("features.4.norm.running_var", -1)), "negative"),
        (other_weights(_fill("features.4.conv.weight", 3e38)), "no probabilities"),
        (other_weights(lambda arrays: arrays.pop("head.weight")), "'head.weight' differ"),
        (other_weights(lambda arrays: arrays.update({"more": np.zeros(3, np.float32)})), "'more' differ"),
        (other_weights(lambda arrays: arrays.update({"head.weight": arrays["head.weight"].astype(np.float64)})), "float64"),
        (lambda files: {**files, "model.safetensors": struct.pack("<Q", 1 << 60) + b"{}"}, "safetensors format"),
        (lambda files: {**files, "predictions.safetensors": files["model.safetensors"]}, "predictions cannot be read"),
        (other_ids(["img_1"] * 9), "twice"),
        (other_ids([f"img/{number}" for number in range(9)]), "id of the bundle"),
        (lambda files: {**files, "epochs.json": b'{"epochs": 3}'}, "metrics of the epochs"),
        (lambda files: {**files, "held_out.json": b'{"label_probabilities":{"float32":[0.5,2]}}'}, "scores from 0 to 1"),
        (lambda files: {**files, "held_out.json": b'{"label_probabilities":{"int8":[0.5,0.4]}}'}, "ascending"),
        (lambda files: {**files, "model.int8.onnx": b"\xff" * 50}, "no ONNX file"),
        (_scale(lambda constant: constant.ClearField("raw_data")), "scale of an activation is missing"),
        (_scale(_external), "scale of an activation is missing"),
        (_scale(lambda constant: setattr(constant, "raw_data", np.float32(-1).tobytes())), "not a positive number"),
    ],
)  # fmt: skip
def test_files_that_are_not_those_of_the_network_are_refused(
    files: Files, tmp_path: Path, change: Callable[[Files], Files], word: str
) -> None:
    with pytest.raises(BundleRejectedError, match=word):
        read_bundle(write(tmp_path / "bundle.zip", change(files)), 1)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"classes": ["a", "a", "b"]}, "classes must differ"),
        ({"classes": ["a", "", "b"]}, "names of 1 to"),
        ({"classes": ["a", "b"]}, "2 classes: 'head.weight' differ"),
        ({"classes": ["a", "b\x1b[2J", "c"]}, r"U\+001B CONTROL CHARACTER"),
        ({"dataset": {"id": "../../etc", "name": "a", "content_hash": ""}}, "id of the bundle"),
        ({"spec": {**SPEC, "init_from": "../x"}}, "id of the bundle"),
        ({"preprocessing": {"image_size": 16, "resize": "squash", "mean": [0, 0, 0], "std": [1, 0, 1]}}, "divided by"),
        ({"preprocessing": {"image_size": 16, "resize": "squash", "mean": [1e308, 0, 0], "std": [1, 1, 1]}}, "divided by"),
    ],
)  # fmt: skip
def test_manifests_that_do_not_fit_are_refused(
    files: Files, tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    with pytest.raises(BundleRejectedError, match=word):
        read_bundle(write(tmp_path / "bundle.zip", files, **changes), 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"id": 3}',
        b'{"temperature": NaN}',
        b'{"padding": "' + b" " * (1 << 20) + b'"}',
        b"\xff\xfe",
    ],
)
def test_manifests_that_are_none_are_refused(files: Files, tmp_path: Path, text: bytes) -> None:
    with pytest.raises(BundleRejectedError, match="manifest"):
        read_bundle(write(tmp_path / "bundle.zip", files, manifest=text or b" "), 1)


def test_numbers_that_no_reader_takes_are_refused(files: Files, tmp_path: Path) -> None:
    given = json.loads(manifest_of(files).model_dump_json())
    given["metrics"]["test_loss"] = float("nan")
    with pytest.raises(BundleRejectedError, match="manifest"):
        read_bundle(write(tmp_path / "bundle.zip", files, manifest=json.dumps(given).encode()), 1)


def test_a_manifest_without_weights_is_refused(files: Files, tmp_path: Path) -> None:
    manifest = manifest_of({}).model_dump_json().encode()
    with pytest.raises(BundleRejectedError, match="lists no model"):
        read_bundle(write(tmp_path / "bundle.zip", files, manifest=manifest), 1)


def test_other_bytes_than_the_manifest_lists_are_refused(files: Files, tmp_path: Path) -> None:
    manifest = manifest_of(files).model_dump_json().encode()
    path = write(tmp_path / "bundle.zip", {**files, "epochs.json": b"{}"}, manifest=manifest)
    with pytest.raises(BundleRejectedError, match=r"epochs.json is not the file that the manifest lists"):
        read_bundle(path, 1)
    without = {name: data for name, data in files.items() if name != "epochs.json"}
    with pytest.raises(BundleRejectedError, match=r"has no epochs.json"):
        read_bundle(write(tmp_path / "short.zip", without, manifest=manifest), 1)


def _entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([_entry("../manifest.json")], "folders"),
        ([_entry("/etc/passwd")], "folders"),
        ([_entry("flowers-3/manifest.json")], "folders"),
        ([_entry("..\\manifest.json")], "folders"),
        ([_entry("C:manifest.json")], "folders"),
        ([_entry("link", stat.S_IFLNK | 0o777)], "link"),
        ([_entry("device", stat.S_IFCHR | 0o666)], "link"),
        ([_entry("manifest.json")], "twice"),
        ([_entry(f"{number}.txt") for number in range(200)], "files"),
    ],
)
def test_zips_with_anything_but_few_plain_files_are_refused(
    files: Files, tmp_path: Path, entries: list[zipfile.ZipInfo], word: str
) -> None:
    path = write(tmp_path / "bundle.zip", files)
    with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of a name that is there already
        for entry in entries:
            archive.writestr(entry, "x")
    with pytest.raises(BundleRejectedError, match=word):
        read_bundle(path, 1)


def test_a_bomb_is_refused_before_it_is_unpacked(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("manifest.json", "w") as file,
    ):
        for _ in range(200):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BundleRejectedError, match="may have 1,048,576 at most"):
        read_bundle(path, 1)


@pytest.mark.parametrize("cut", [0, 10, 1000, -1, -30])
def test_zips_that_are_cut_short_are_refused(files: Files, tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "bundle.zip", files)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BundleRejectedError, match="export the model again"):
        read_bundle(path, 1)


def test_damaged_bytes_are_refused(files: Files, tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "bundle.zip", files).read_bytes())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.getinfo("manifest.json").header_offset + 60
    data[start : start + 20] = bytes(20)
    (tmp_path / "bundle.zip").write_bytes(data)
    with pytest.raises(BundleRejectedError, match=r"manifest.json is damaged"):
        read_bundle(tmp_path / "bundle.zip", 1)

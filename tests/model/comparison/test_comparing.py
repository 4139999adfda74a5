"""Two models on common test images: which images count, which labels, and when a candidate is better."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.artifact.manifest import Manifest, model_key
from model.comparison.comparing import compare_models
from model.comparison.description import describe
from model.comparison.result import Comparison, Gate, LeftOut
from model.comparison.seen_images import SeenImages, seen_by, training_overlap
from model.data.built_in import hashes
from model.data.opening import open_dataset
from model.data.record import dataset_key
from model.data.sources.pixels import Pixels
from model.errors import NoEvaluationError
from model.evaluation.evaluation import TrainingOverlap
from model.evaluation.stored_predictions import StoredPredictions
from model.spec import Metric
from model.storage.interface import Storage
from model.storage.opening import open_storage
from tests.model.comparison.published import Publisher, import_photos
from tests.model.photos import TWINS, photo

Splits = dict[str, dict[str, list[Image.Image]]]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage((tmp_path / "storage").as_uri())


@pytest.fixture
def models(storage: Storage, tmp_path: Path) -> Publisher:
    return Publisher(storage, tmp_path / "cache")


def photos(begin: int, count: int) -> list[Image.Image]:
    return [photo(seed, 48) for seed in range(begin, begin + count)]


def cats_and_dogs(tests: int = 24, first_test: int = 500, first_train: int = 0) -> Splits:
    half = tests // 2
    return {
        "train": {"cat": photos(first_train, 4), "dog": photos(first_train + 100, 4)},
        "test": {"cat": photos(first_test, half), "dog": photos(first_test + 100, half)},
    }


def compare(
    storage: Storage, candidate: Manifest, current: Manifest, metric: str = "accuracy", margin: float = 0.0
) -> Comparison:
    return compare_models(candidate, current, Gate(metric=Metric(metric), margin=margin), storage)


def test_a_better_candidate_on_the_same_dataset(storage: Storage, models: Publisher, tmp_path: Path) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    current = models.publish("mdl_current", dataset, lambda number: number % 2 == 0)
    candidate = models.publish("mdl_candidate", dataset, lambda number: number != 3)
    found = compare(storage, candidate, current)
    assert (found.images, found.groups, found.candidate, found.current) == (24, 24, 23 / 24, 0.5)
    assert found.difference == pytest.approx(11 / 24)
    assert found.mcnemar
    assert (found.mcnemar.only_candidate_right, found.mcnemar.only_current_right) == (11, 0)
    assert found.mcnemar.p_value == pytest.approx(2 / 2**11)
    assert found.ci95
    assert 0.1 < found.ci95[0] < 11 / 24 < found.ci95[1] < 0.8
    assert (found.is_better, found.images_needed) == (True, None)
    assert not any(found.left_out.model_dump().values())
    assert compare(storage, candidate, current) == found
    worse = compare(storage, current, candidate)
    assert (worse.is_better, worse.images_needed) == (False, None)
    assert worse.difference == pytest.approx(-11 / 24)
    strict = compare(storage, candidate, current, margin=0.4)
    assert not strict.is_better
    assert strict.images_needed
    assert strict.images_needed > 24


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
def test_other_metrics(storage: Storage, models: Publisher, tmp_path: Path, metric: str) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    current = models.publish("mdl_current", dataset, lambda number: number % 2 == 0)
    candidate = models.publish("mdl_candidate", dataset, lambda number: number != 3)
    found = compare(storage, candidate, current, metric)
    assert found.difference
    assert found.ci95
    assert found.is_better
    assert 0 < found.ci95[0] < found.difference < found.ci95[1]
    if metric == "log_loss":
        assert found.candidate is not None
        assert found.current is not None
        assert found.candidate < found.current
        assert found.difference == pytest.approx(found.current - found.candidate)


def test_few_common_images_decide_nothing_and_say_how_many_would(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs(tests=4))
    current = models.publish("mdl_current", dataset, lambda _: False)
    candidate = models.publish("mdl_candidate", dataset)
    for metric in Metric:
        found = compare(storage, candidate, current, metric)
        assert (found.images, found.is_better) == (4, False)
        assert found.images_needed
        assert 20 <= found.images_needed < 100


def test_only_images_in_both_test_splits_count(storage: Storage, models: Publisher, tmp_path: Path) -> None:
    """The candidate was trained on test images of the current model, and on twins of others."""
    first = cats_and_dogs()
    old = import_photos(tmp_path / "a", storage, first)
    tests = {name: images[:8] for name, images in first["test"].items()}
    training = {
        "cat": [*photos(0, 4), *first["test"]["cat"][8:10], TWINS["jpeg"](first["test"]["cat"][10])],
        "dog": [*photos(100, 4), *first["test"]["dog"][8:10]],
    }
    tests["cat"] = [*tests["cat"], *photos(800, 3)]
    new = import_photos(tmp_path / "b", storage, {"train": training, "test": tests})
    found = compare(storage, models.publish("mdl_b", new), models.publish("mdl_a", old))
    assert found.images == 16
    assert (found.left_out.only_candidate, found.left_out.only_current) == (3, 8)
    assert not compare_disjoint(storage, models, tmp_path).images


def compare_disjoint(storage: Storage, models: Publisher, tmp_path: Path) -> Comparison:
    one = import_photos(tmp_path / "one", storage, cats_and_dogs(first_test=2000))
    other = import_photos(tmp_path / "other", storage, cats_and_dogs(first_test=3000))
    found = compare(storage, models.publish("mdl_one", one), models.publish("mdl_other", other))
    assert (found.candidate, found.ci95, found.mcnemar, found.is_better) == (None, None, None, False)
    return found


def test_the_label_is_that_of_the_candidate_and_unknown_classes_are_left_out(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    first = cats_and_dogs()
    old = import_photos(tmp_path / "a", storage, first)
    cats, dogs = first["test"]["cat"], first["test"]["dog"]
    relabelled = {
        "train": {**first["train"], "fox": photos(300, 4)},
        "test": {"cat": cats[:9], "dog": [*dogs, *cats[9:11]], "fox": cats[11:]},
    }
    new = import_photos(tmp_path / "b", storage, relabelled)
    current, candidate = models.publish("mdl_a", old), models.publish("mdl_b", new)
    found = compare(storage, candidate, current)
    assert (found.images, found.left_out.unknown_label, found.relabelled) == (23, 1, 2)
    assert (found.candidate, found.current) == (1, 21 / 23)
    back = compare(storage, current, candidate)
    assert (back.images, back.left_out.unknown_label, back.relabelled) == (24, 0, 3)
    assert (back.candidate, back.current) == (1, 21 / 24)
    assert (found.missing_classes, back.missing_classes) == ([], ["fox"])
    assert "2 of these images have another class" in describe(found)
    assert "Left out are 1 of a class" in describe(found)
    assert "lacks classes of the current model: fox." in describe(back)


def test_swapped_labels_make_no_model_better(storage: Storage, models: Publisher, tmp_path: Path) -> None:
    splits = cats_and_dogs()
    old = import_photos(tmp_path / "a", storage, splits)
    swapped = {name: {"cat": images["dog"], "dog": images["cat"]} for name, images in splits.items()}
    new = import_photos(tmp_path / "b", storage, swapped)
    found = compare(storage, models.publish("mdl_b", new), models.publish("mdl_a", old))
    assert (found.candidate, found.current, found.relabelled, found.is_better) == (1, 0, 24, False)
    assert "were classes swapped" in describe(found)


def test_classes_are_matched_by_name_not_by_number(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    current = models.publish("mdl_a", dataset, classes=["zebra", "dog", "cat"])
    found = compare(storage, models.publish("mdl_b", dataset), current)
    assert (found.candidate, found.current, found.relabelled) == (1, 1, 0)


def test_images_that_an_ancestor_was_trained_on_are_left_out(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    splits = cats_and_dogs()
    dataset = import_photos(tmp_path / "a", storage, splits)
    cats = splits["test"]["cat"]
    seen = {
        "train": {"cat": [*photos(900, 3), *cats[:2], TWINS["half"](cats[2])], "dog": photos(950, 4)},
        "test": {"cat": photos(980, 2)},
    }
    other = import_photos(tmp_path / "other", storage, seen)
    models.publish("mdl_grandparent", other)
    models.publish("mdl_parent", dataset, init_from="mdl_grandparent")
    current = models.publish("mdl_current", dataset)
    candidate = models.publish("mdl_candidate", dataset, init_from="mdl_parent")
    for pair in ((candidate, current), (current, candidate)):
        found = compare(storage, *pair)
        assert (found.left_out.trained_on, found.left_out.unknown_ancestor) == (2, 0)
        assert found.left_out.near_training == 1
        assert found.images == 21
    storage.delete(dataset_key(dataset, ""))  # with it goes what tells which of its images look like others
    gone = compare(storage, candidate, current)
    assert (gone.images, gone.left_out.trained_on, gone.left_out.unknown_ancestor) == (0, 2, 22)
    storage.delete(dataset_key(other, ""))
    gone = compare(storage, candidate, current)
    assert (gone.images, gone.left_out.unknown_ancestor) == (0, 24)


def test_what_a_model_has_seen_of_another_dataset_is_known_by_content_and_by_hash(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    splits = cats_and_dogs()
    trained = import_photos(tmp_path / "a", storage, splits)
    cats = splits["train"]["cat"]
    others = {
        "train": {"cat": photos(700, 3), "dog": photos(750, 3)},
        "test": {"cat": [*cats[:2], TWINS["half"](cats[2]), *photos(800, 3)]},
    }
    other = import_photos(tmp_path / "other", storage, others)
    with open_dataset(other, storage, tmp_path) as opened:
        ids_N = np.array(opened.test.ids)
    child = models.publish("mdl_child", other, init_from=models.publish("mdl_parent", trained).id)
    for model in (models.publish("mdl", trained), child):
        seen = seen_by(model, other, ids_N, storage)
        assert (seen.trained_N.sum(), (seen.near_N & ~seen.trained_N).sum(), seen.has_unknown) == (
            2,
            1,
            False,
        )
    storage.delete(dataset_key(trained, ""))
    assert seen_by(child, other, ids_N, storage).has_unknown
    digits = models.publish("mdl_digits", "digits")
    assert seen_by(digits, "digits", np.array(["train-3", "test-3"]), storage).trained_N.tolist() == [
        True,
        False,
    ]


def test_a_deleted_ancestor_is_unknown_unless_the_manifest_names_its_dataset(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    current = models.publish("mdl_current", dataset)
    unknown = models.publish("mdl_unknown", dataset, init_from="mdl_deleted")
    assert compare(storage, unknown, current).left_out.unknown_ancestor == 24
    noted = {"ancestors": [{"model": "mdl_deleted", "dataset": dataset}]}
    known = models.publish("mdl_known", dataset, init_from="mdl_deleted", lineage=noted)
    assert compare(storage, known, current).images == 24
    child = models.publish("mdl_child", dataset, init_from="mdl_known")
    assert compare(storage, child, current).images == 24
    odd = {"ancestors": [{"model": "mdl_deleted", "dataset": "../../x"}]}
    imported = models.publish("mdl_imported", dataset, lineage=odd)
    assert compare(storage, imported, current).left_out.unknown_ancestor == 24


def test_what_an_ancestor_saw_of_a_built_in_dataset_is_known_by_hash(
    storage: Storage, models: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = cats_and_dogs()
    dataset = import_photos(tmp_path / "a", storage, splits)
    current = models.publish("mdl_current", dataset)

    def child_of(built_in: str) -> LeftOut:
        lineage = {"ancestors": [{"model": "m", "dataset": built_in}]}
        return compare(storage, models.publish(f"mdl_{built_in}", dataset, lineage=lineage), current).left_out

    assert child_of("digits").unknown_ancestor == 0
    assert child_of("cifar10").unknown_ancestor == 24  # no training of this release has read it
    seen = np.stack([np.array(photo.resize((32, 32))) for photo in splits["test"]["cat"][:3]])
    downloaded = (Pixels(seen, np.zeros(3, np.int64)), Pixels(seen[:1], np.zeros(1, np.int64)))
    monkeypatch.setattr(hashes, "read_built_in", lambda *_: downloaded)
    hashes.store_built_in_hashes("cifar10", storage, tmp_path)
    left_out = child_of("cifar10")
    assert (left_out.near_training, left_out.unknown_ancestor) == (3, 0)


def test_deleted_datasets_of_the_two_models_are_not_needed(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    current, candidate = models.publish("mdl_a", dataset), models.publish("mdl_b", dataset)
    storage.delete(dataset_key(dataset, ""))
    assert compare(storage, candidate, current).images == 24


def test_near_duplicates_among_the_test_images_are_one_group(
    storage: Storage, models: Publisher, tmp_path: Path
) -> None:
    splits = cats_and_dogs()
    first = splits["test"]["cat"][0]
    splits["test"]["cat"] += [TWINS[name](first) for name in ("jpeg", "brighter", "marked")]
    dataset = import_photos(tmp_path / "a", storage, splits)
    found = compare(storage, models.publish("mdl_b", dataset), models.publish("mdl_a", dataset))
    assert (found.images, found.groups) == (27, 24)


def test_images_of_different_built_in_datasets_are_never_the_same(
    storage: Storage, models: Publisher
) -> None:
    digits = models.publish("mdl_a", "digits")
    other = digits.dataset.model_copy(update={"id": "fashion-mnist"})
    fashion = models.publish("mdl_b", "digits").model_copy(update={"dataset": other})
    assert compare(storage, digits, digits).images > 300
    assert compare(storage, fashion, digits).images == 0


def test_a_model_without_predictions_says_so(storage: Storage, models: Publisher, tmp_path: Path) -> None:
    dataset = import_photos(tmp_path / "a", storage, cats_and_dogs())
    old, new = models.publish("mdl_old", dataset, has_predictions=False), models.publish("mdl_new", dataset)
    with pytest.raises(NoEvaluationError, match="earlier release"):
        compare(storage, new, old)
    assert storage.exists(model_key("mdl_old", "manifest.json"))


def test_images_that_the_training_has_seen_are_counted_and_the_others_scored() -> None:
    logits_NK, labels_N = np.eye(2, dtype=np.float32)[[0, 0, 1, 1, 0]], np.array([0, 1, 1, 0, 0])
    one = StoredPredictions(logits_NK, labels_N, np.full(5, -1, np.int32), np.array(list("abcde")))

    def overlap_of(trained: list[int], near: list[int]) -> TrainingOverlap:
        places_N = np.arange(5)
        return training_overlap(
            SeenImages(np.isin(places_N, trained), np.isin(places_N, near), has_unknown=False), one
        )

    found = overlap_of([0], [0, 2])
    assert (found.trained_on, found.near_training, found.is_complete) == (1, 1, True)
    assert found.unseen
    assert (found.unseen.images, round(3 * found.unseen.accuracy)) == (3, 1)
    assert overlap_of([0, 1, 2, 3], [4]).unseen is None

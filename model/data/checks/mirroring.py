"""Finds out whether mirrored images keep their class, so that training may mirror images: arrows do not, cats do."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import re
from collections.abc import Collection, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from model.data.checks.patch_features import Floats, PatchFeatures
from model.data.placement import PlacedImage

_FOLDS = 3
_MIN_IMAGES = 20
_PENALTY = 0.3
"""L2 penalty of the linear classifier, per image."""
_NEAR_DUPLICATE = 0.99
"""Correlation of two images of 8 x 8 pixels from which they are in the same fold."""
_SURE, _CLASS_SURE, _LIKELY = 4.0, 3.0, 1.5
"""Differences of paired counts, in standard deviations. Of 120 subsets of two sets of photos that may be mirrored, the
largest difference to mirrored images was 2.6, and of one class 1.7."""


_SIDES = (("left", "right"), ("links", "rechts"), ("gauche", "droite"), ("izquierda", "derecha"), ("l", "r"))


def keeps_classes_when_mirrored(placed: Sequence[PlacedImage]) -> bool:
    """Whether training may mirror the images of a dataset.

    Classifiers are trained on thumbnails of training images, with and without mirrored ones, and tested on others.
    Mirroring is harmful if it costs accuracy, in all classes together or in one of them, and if the classifier that saw
    no mirrored images does not recognise them. Classes that are named left and right are not tried.
    """
    if _name_sides({image.label for image in placed}):
        return False
    sample = _sample(placed)
    if len(sample) < _MIN_IMAGES:
        return True
    names = sorted({image.label for image in sample})
    labels_N = np.array([names.index(image.label) for image in sample])
    thumbnails = [image.examined.facts.thumbnail for image in sample]
    images_NHWC = np.stack([one for one in thumbnails if one is not None]).astype(np.float32) / np.float32(
        255
    )
    fold_N = _folds(images_NHWC, labels_N)
    if (fold_N == fold_N[0]).all():
        return True  # all images are near duplicates, which show nothing
    plain_N, mirrored_N, mirror_trained_N = _predict(images_NHWC, labels_N, fold_N)
    loss = _Comparison(plain_N == labels_N, mirror_trained_N == labels_N, labels_N)
    change = _Comparison(plain_N == labels_N, mirrored_N == labels_N, labels_N)
    is_harmful = change.overall > _SURE and loss.overall > _LIKELY
    is_harmful_for_a_class = (change.by_class > _CLASS_SURE) & (loss.by_class > _CLASS_SURE)
    return not is_harmful and not is_harmful_for_a_class.any()


def _name_sides(labels: Collection[str]) -> bool:
    """Whether two classes differ only in the words left and right, as `turn_left` and `turn_right`."""
    words = {tuple(re.split(r"[\W_]+", label.lower())) for label in labels}
    return any(
        tuple(right if word == left else word for word in label) in words
        for left, right in _SIDES
        for label in words
        if left in label
    )


def _sample(placed: Sequence[PlacedImage]) -> list[PlacedImage]:
    """Return different training images with thumbnails, by class and path: neighbours may be frames of one video."""
    by_digest = {
        image.examined.digest: image
        for image in placed
        if image.split == "train" and image.examined.facts.thumbnail is not None
    }
    return sorted(by_digest.values(), key=lambda image: (image.label, image.examined.file.path))


class _Comparison:
    """By how many standard deviations one classifier is right more often than another (McNemar's test)."""

    def __init__(
        self, is_right_N: NDArray[np.bool_], is_other_right_N: NDArray[np.bool_], labels_N: NDArray[np.int_]
    ):
        won_K = np.bincount(labels_N, is_right_N & ~is_other_right_N)
        lost_K = np.bincount(labels_N, ~is_right_N & is_other_right_N)
        self.by_class = (won_K - lost_K) / np.sqrt(np.maximum(1, won_K + lost_K))
        self.overall = float((won_K - lost_K).sum() / np.sqrt(max(1.0, (won_K + lost_K).sum())))


def _predict(
    images_NHWC: Floats, labels_N: NDArray[np.int_], fold_N: NDArray[np.int_]
) -> tuple[NDArray[np.int_], ...]:
    """Predict each image by classifiers that were trained on other folds.

    Returns:
        The predicted classes of the images and of the mirrored images, and those of the images by classifiers that
        were trained on mirrored images too.
    """
    features_of = PatchFeatures(images_NHWC, np.random.default_rng(0))
    features_ND, mirrored_ND = features_of(images_NHWC), features_of(images_NHWC[:, :, ::-1])
    targets_NK = np.eye(labels_N.max() + 1, dtype=np.float32)[labels_N]
    plain_N, mirrored_N, mirror_trained_N = (np.zeros_like(labels_N) for _ in range(3))
    for fold in range(_FOLDS):
        is_test_N, is_train_N = fold_N == fold, fold_N != fold
        plain = _LinearClassifier(features_ND[is_train_N], targets_NK[is_train_N])
        plain_N[is_test_N] = plain(features_ND[is_test_N])
        mirrored_N[is_test_N] = plain(mirrored_ND[is_test_N])
        both_ND = np.concatenate([features_ND[is_train_N], mirrored_ND[is_train_N]])
        mirror_trained = _LinearClassifier(both_ND, np.tile(targets_NK[is_train_N], (2, 1)))
        mirror_trained_N[is_test_N] = mirror_trained(features_ND[is_test_N])
    return plain_N, mirrored_N, mirror_trained_N


def _folds(images_NHWC: Floats, labels_N: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the fold of each image: thirds of each class in their order, near duplicates together.

    A classifier recognises near duplicates of its training images, but not their mirror images.
    """
    counts_K = np.bincount(labels_N)
    first_K = np.cumsum(counts_K) - counts_K
    position_N = np.arange(len(labels_N)) - first_K[labels_N]
    fold_N = _FOLDS * position_N // counts_K[labels_N]
    side = images_NHWC.shape[1] // 8
    small = (
        images_NHWC.reshape(len(labels_N), 8, side, 8, side, -1).mean((2, 4, 5)).reshape(len(labels_N), -1)
    )
    small -= small.mean(1, keepdims=True)
    small /= np.linalg.norm(small, axis=1, keepdims=True) + 1e-6
    is_near_NN = small @ small.T > _NEAR_DUPLICATE
    for index in range(len(labels_N)):
        fold_N[index] = fold_N[min(index, int(is_near_NN[index].argmax()))]
    return fold_N


class _LinearClassifier:
    """Ridge regression of one number per class."""

    def __init__(self, features_ND: Floats, targets_NK: Floats) -> None:
        self._mean_D = features_ND.mean(0)
        self._scale_D = features_ND.std(0) + 1e-6
        self._weights_DK = _ridge(
            (features_ND - self._mean_D) / self._scale_D, targets_NK - targets_NK.mean(0)
        )

    def __call__(self, features_ND: Floats) -> NDArray[np.int_]:
        """Return the class of each image."""
        scores_NK = (features_ND - self._mean_D) / self._scale_D @ self._weights_DK
        best_N: NDArray[np.int_] = scores_NK.argmax(1)
        return best_N


def _ridge(features_ND: Floats, targets_NK: Floats) -> Floats:
    """Return the weights [D, K] of a ridge regression, from the smaller of the two systems of equations."""
    images, features = features_ND.shape
    penalty = np.float32(_PENALTY * images)
    if images < features:
        gram_NN = features_ND @ features_ND.T + penalty * np.eye(images, dtype=np.float32)
        return cast("Floats", features_ND.T @ np.linalg.solve(gram_NN, targets_NK))
    gram_DD = features_ND.T @ features_ND + penalty * np.eye(features, dtype=np.float32)
    return cast("Floats", np.linalg.solve(gram_DD, features_ND.T @ targets_NK))

"""Explains what a published model sees in images, with its network in float32. Imports no torch."""
# ruff: noqa: N803, N815 - shapes in names: image_HWC

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.artifact.manifest import Manifest
from model.artifact.network import stored_network
from model.explanation.evidence import evidence_of
from model.explanation.overlay import draw_overlay
from model.export.engine import Engine
from model.export.features import FeatureGraphBuilder
from model.export.trained_network import TrainedNetwork
from model.storage.interface import Storage


@dataclass(frozen=True, eq=False)
class ImageExplanation:
    """Where the evidence for one class lies in one image."""

    evidence_HW: NDArray[np.float64]
    """Of each square of 8 x 8 pixels."""
    overlay_png: bytes

    @property
    def logit_above_mean(self) -> float:
        """The logit of the class minus the mean of all logits."""
        return float(self.evidence_HW.sum())


class Explainer:
    """A second network of a model, beside the one that classifies: its memory is that of the weights."""

    def __init__(self, network: TrainedNetwork, threads: int) -> None:
        builder = FeatureGraphBuilder(network)
        self._engine = Engine(builder.build(), threads)
        self._features = builder.features
        self._head_KC = np.array(network.head_KC)

    @classmethod
    def load(cls, storage: Storage, manifest: Manifest, threads: int) -> "Explainer":
        """Build the network of a model from its published weights.

        Raises:
            CorruptArtifactError: the stored weights are damaged or differ from the published ones.
            StorageError: they cannot be read.
            MemoryError: memory does not suffice.
        """
        with stored_network(storage, manifest) as network:
            return cls(network, threads)

    def explain(self, image_HWC: NDArray[np.uint8], label: int) -> ImageExplanation:
        """Explain the logit of a class for an image of the model's size; raises MemoryError."""
        [features_NCHW] = self._engine.run(image_HWC[None], [self._features])
        evidence_HW = evidence_of(features_NCHW[0], self._head_KC, label)
        return ImageExplanation(evidence_HW, draw_overlay(image_HWC, evidence_HW))

"""Exports the network of a finished training. A failed export is told, and the model is published without ONNX files."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from model.artifact.trained_model import TrainedModel
from model.export.exporting import Export, export_network
from model.export.trained_network import TrainedNetwork
from model.network.normalisation import Normalisation
from model.network.resnet9 import ResNet9

_log = logging.getLogger(__name__)


def export_model(trained: TrainedModel) -> Export | None:
    """Return the ONNX files and the facts about them; None if the export failed."""
    if trained.export_samples is None:
        return None
    preprocessing = trained.preprocessing
    network = TrainedNetwork(
        {name: tensor.numpy() for name, tensor in trained.state_dict.items()},
        preprocessing.mean,
        preprocessing.std,
        preprocessing.image_size,
        trained.temperature,
    )

    def probabilities_of(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _probabilities(trained, images_NHWC)

    try:
        return export_network(network, trained.export_samples, probabilities_of, torch.get_num_threads())
    except Exception:  # noqa: BLE001 - a model without ONNX files is worth more than none
        _log.exception("the export to ONNX failed; the model is published without it")
        return None


@torch.inference_mode()
def _probabilities(trained: TrainedModel, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the calibrated probabilities of the trained network, computed by torch on the CPU in float32."""
    network = ResNet9(len(trained.classes)).eval()
    network.load_state_dict(trained.state_dict, strict=False)
    normalisation = Normalisation(trained.preprocessing.mean, trained.preprocessing.std)
    logits_NK = network(normalisation.apply(torch.from_numpy(images_NHWC)))
    probabilities: NDArray[np.float32] = (logits_NK / trained.temperature).softmax(1).numpy()
    return probabilities

"""The numbers that a model computes with when it classifies."""

from enum import StrEnum

from model.artifact.manifest import Manifest


class Precision(StrEnum):
    """The numbers that a model computes with."""

    FLOAT32 = "float32"
    INT8 = "int8"
    """Weights and activations; logits and probabilities are float32."""


class PrecisionSetting(StrEnum):
    """Which precision a predictor on a CPU may use."""

    AUTO = "auto"
    """`int8` for the models whose manifest says that they are as good with it."""
    FLOAT32 = "float32"


def cpu_precision(manifest: Manifest, setting: PrecisionSetting) -> Precision:
    """Return the precision with which CPUs classify."""
    proof = manifest.onnx.int8 if manifest.onnx else None
    may_use_int8 = setting is PrecisionSetting.AUTO and proof is not None and proof.is_served
    return Precision.INT8 if may_use_int8 else Precision.FLOAT32

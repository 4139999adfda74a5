"""The numbers that a model computes with when it classifies."""

from enum import StrEnum


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

"""The numbers that a model computes with when it classifies."""

from enum import StrEnum


class Precision(StrEnum):
    """The numbers that a model computes with."""

    FLOAT32 = "float32"
    INT8 = "int8"
    """Weights and activations; logits and probabilities are float32."""

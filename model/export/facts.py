"""The facts about the graphs of a model that its manifest states. Imports no engine."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ONNX_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
HELD_OUT_FILE = "held_out.json"

Fraction = Annotated[float, Field(ge=0, le=1)]


class Float32Facts(BaseModel):
    """The comparison of `model.onnx` with the trained network."""

    model_config = ConfigDict(frozen=True, extra="allow")

    max_difference: float
    """Largest difference of a probability."""
    images: int


class Int8Facts(BaseModel):
    """The comparison of `model.int8.onnx` with `model.onnx` on validation images."""

    model_config = ConfigDict(frozen=True, extra="allow")

    images: int
    agreement: Fraction
    """The share of the images that both give the same class."""
    accuracy_fp32: Fraction
    accuracy_int8: Fraction
    difference_ci95: tuple[float, float]
    """95 % confidence interval of the accuracy in int8 minus that in float32, paired by image."""
    log_loss_fp32: float
    log_loss_int8: float
    ece_fp32: Fraction | None = None
    """Expected calibration error. Null in models of earlier releases."""
    ece_int8: Fraction | None = None
    """The same in int8, with the temperature of float32: one of its own made no difference (docs/export.md)."""
    max_difference: float
    """Largest difference of a probability."""
    is_served: bool
    """Whether predictors on CPUs use it: it agrees on 98 % and does not lose more than 0.3 points beyond the interval."""


class OnnxFacts(BaseModel):
    """What was measured of a model's graphs when they were made."""

    model_config = ConfigDict(frozen=True, extra="allow")

    opset: int
    fp32: Float32Facts
    int8: Int8Facts | None = None
    """Null without validation images: nothing could be measured, so there is no `model.int8.onnx`."""

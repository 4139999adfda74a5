"""Explains the answers of a request in a thread of its own, so that other requests are classified meanwhile."""
# ruff: noqa: N815 - shapes in names: image_HWC

import asyncio
import time
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from api.predictor.protocol.messages import Explanation

if TYPE_CHECKING:
    from model.explanation.explainer import ImageExplanation

_DIGITS = 6


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image as the network saw it, and the number of the class that it got."""

    image_HWC: np.ndarray
    label: int


class Explainable(Protocol):
    """What explanations need of a model."""

    @property
    def classes(self) -> list[str]:
        """Labels, in the order of the scores."""
        ...

    def explain(self, images: Sequence[np.ndarray], labels: Sequence[int], /) -> "list[ImageExplanation]":
        """Say where in each image (HWC, uint8) the evidence for its class lies; raises `PredictionError`."""
        ...


class Explanations:
    """The thread that explains: one request at a time, because each needs a second network of its model."""

    def __init__(self, thread: Executor) -> None:
        self._thread = thread

    async def explain(self, model: Explainable, seen: Sequence[SeenImage]) -> tuple[list[Explanation], float]:
        """Explain the classes of images of one request, and say how many seconds each took; raises `PredictionError`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _explain, model, seen)


def _explain(model: Explainable, seen: Sequence[SeenImage]) -> tuple[list[Explanation], float]:
    started = time.monotonic()
    labels = [image.label for image in seen]
    explained = model.explain([image.image_HWC for image in seen], labels)
    messages = [_message(model.classes[label], one) for label, one in zip(labels, explained, strict=True)]
    return messages, (time.monotonic() - started) / len(seen)


def _message(label: str, explained: "ImageExplanation") -> Explanation:
    return Explanation(
        label=label,
        evidence=explained.evidence_HW.round(_DIGITS).tolist(),
        logit_above_mean=round(explained.logit_above_mean, _DIGITS),
        overlay=f"data:image/png;base64,{b64encode(explained.overlay_png).decode()}",
    )

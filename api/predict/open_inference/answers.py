"""Writes the answer to an inference request: a JSON document, and behind it the binary values of its tensors."""

from collections.abc import Sequence
from struct import pack
from typing import Any

from fastapi import Response

from api.predict.open_inference.schemas import (
    LABEL,
    PROBABILITIES,
    InferenceRequest,
    InferenceResponse,
    OutputRequest,
    OutputTensor,
    TensorParameters,
)
from api.predict.schemas import ClassifiedImage, PredictionModel

HEADER_LENGTH = "Inference-Header-Content-Length"


def infer_response(
    request: InferenceRequest,
    model: PredictionModel,
    images: Sequence[ClassifiedImage],
    classes: Sequence[str],
) -> Response:
    """Return the answer for some images; their scores must have all classes."""
    outputs, binaries = [], []
    for wanted in request.outputs or _all_outputs(request.parameters.binary_data_output):
        tensor = _tensor(wanted.name, images, classes)
        is_binary = wanted.parameters.binary_data
        if request.parameters.binary_data_output if is_binary is None else is_binary:
            binaries.append(_binary(tensor))
            tensor.parameters, tensor.data = {"binary_data_size": len(binaries[-1])}, None
        outputs.append(tensor)
    is_checkpoint = model.version is None
    answer = InferenceResponse(
        model_name=model.id if is_checkpoint else model.name,
        model_version=str(model.epoch if is_checkpoint else model.version),
        id=request.id,
        outputs=outputs,
    )
    document = answer.model_dump_json(exclude_none=True).encode()
    if not binaries:
        return Response(document, media_type="application/json")
    headers = {HEADER_LENGTH: str(len(document))}
    return Response(b"".join([document, *binaries]), headers=headers, media_type="application/octet-stream")


def _all_outputs(is_binary: bool) -> list[OutputRequest]:
    parameters = TensorParameters(binary_data=is_binary)
    return [
        OutputRequest(name="probabilities", parameters=parameters),
        OutputRequest(name="label", parameters=parameters),
    ]


def _tensor(name: str, images: Sequence[ClassifiedImage], classes: Sequence[str]) -> OutputTensor:
    if name == LABEL:
        labels = [image.label for image in images]
        return OutputTensor(name=LABEL, datatype="BYTES", shape=[len(images)], data=labels)
    values: list[float] = []
    for image in images:
        by_label = {score.label: score.score for score in image.scores}
        values += [by_label[label] for label in classes]
    shape = [len(images), len(classes)]
    return OutputTensor(name=PROBABILITIES, datatype="FP32", shape=shape, data=values)


def _binary(tensor: OutputTensor) -> bytes:
    values: list[Any] = tensor.data or []
    if tensor.name == LABEL:
        encoded = [label.encode() for label in values]
        return b"".join(pack("<I", len(label)) + label for label in encoded)
    return pack(f"<{len(values)}f", *values)

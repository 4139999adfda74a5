"""The documents of the Open Inference Protocol v2.

Source: https://github.com/kserve/open-inference-protocol, and the extension for binary tensors of the Triton server.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

IMAGE, PIXELS = "image", "pixels"
PROBABILITIES, LABEL = "probabilities", "label"

Size = Annotated[int, Field(ge=0, le=2**31)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TensorMetadata(_Document):
    """Name, type and shape of a tensor; -1 stands for any number of images."""

    name: str
    datatype: str
    shape: list[int]


class ServerMetadata(_Document):
    """What the server is."""

    name: Literal["ninefold"] = "ninefold"
    version: str
    extensions: list[str] = ["binary_tensor_data"]


class ModelMetadata(_Document):
    """What a model takes and gives. Send one of the two inputs."""

    name: str
    versions: list[str]
    platform: Literal["ninefold_resnet9"] = "ninefold_resnet9"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ModelReady(_Document):
    """Whether a model can classify."""

    name: str
    ready: bool


class Live(_Document):
    """The process is alive."""

    live: bool = True


class Ready(_Document):
    """Whether the service can work."""

    ready: bool


class TensorParameters(_Document):
    """How the values of a tensor are sent."""

    binary_data_size: Size | None = None
    """Bytes behind the document; `None` if the values are in `data`."""
    binary_data: bool | None = None
    """Of an output: whether it shall be sent behind the document."""


class InputTensor(_Document):
    """One tensor of a request."""

    name: str
    shape: list[Size] = Field(max_length=4)
    datatype: str
    parameters: TensorParameters = TensorParameters()
    data: list[Any] | None = Field(None, description="Values, if they are not sent behind the document.")


class OutputRequest(_Document):
    """One tensor that the answer shall have."""

    name: Literal["probabilities", "label"]
    parameters: TensorParameters = TensorParameters()


class RequestParameters(BaseModel):
    """Options of a request; those that only order requests are accepted and have no effect."""

    model_config = ConfigDict(extra="ignore")

    binary_data_output: bool = False
    tta: bool = Field(default=False, description="As of `/predict`.")


class InferenceRequest(_Document):
    """A request: one input, and the outputs that the answer shall have (default: all)."""

    id: str | None = Field(None, max_length=255)
    parameters: RequestParameters = RequestParameters()
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[OutputRequest] = Field([], max_length=2)


class OutputTensor(_Document):
    """One tensor of an answer."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, int] | None = None
    data: list[Any] | None = None


class InferenceResponse(_Document):
    """The answer; binary values follow it."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]

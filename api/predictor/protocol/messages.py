"""The messages between the API and the predictor, as JSON headers of frames. Knows neither HTTP nor torch."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class ProtocolError(Exception):
    """Raised when the other end sends a frame or a message that this protocol does not have."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ping(_Message):
    """API or parent process → predictor: health check."""

    kind: Literal["ping"] = "ping"


class PredictorStatistics(_Message):
    """What the predictor does, and did since it started."""

    waiting_images: int = 0
    expected_wait_s: float = 0.0
    loaded_models: int = 0
    batches: int = 0
    batched_images: int = 0
    refused_requests: int = 0
    model_loads: int = 0


class Pong(_Message):
    """Predictor → API or parent process: the answer to a ping; `ready` is true once the library that computes is loaded."""

    kind: Literal["pong"] = "pong"
    ready: bool
    idle: bool = False
    """Whether a background request would be admitted: no other request runs, or ran just now."""
    statistics: PredictorStatistics = PredictorStatistics()


class Open(_Message):
    """API → predictor: start of a request; `image_count` frames of kind `image` follow."""

    kind: Literal["open"] = "open"
    request_id: int
    model: str
    """The address of a model: its id, behind `PROJECT/` for a model of another project than the default one."""
    image_count: Annotated[int, Field(ge=1)]
    total_bytes: Annotated[int, Field(ge=0)]
    top_k: Annotated[int, Field(ge=1)]
    deadline_s: Annotated[float, Field(gt=0)]
    tta: bool = False
    """Whether the scores of each answer shall be those of the image and its mirror image together."""
    coverage: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the images whose `label_set` shall have their label; None: without sets."""
    explain: bool = False
    """Whether each answer shall say where in the image the evidence for its label lies."""
    is_background: bool = False
    """Whether this is a background request: it is refused unless the predictor has nothing else to do."""


class Image(_Message):
    """API → predictor: one image of a request; the body of the frame holds the bytes of the image file, or pixels."""

    kind: Literal["image"] = "image"
    request_id: int
    index: Annotated[int, Field(ge=0)]
    height_width: tuple[int, int] | None = None
    """If the body holds RGB pixels, row by row from the top, 3 bytes each."""


class Cancel(_Message):
    """API → predictor: the caller of this request went away, so the predictor can drop the request."""

    kind: Literal["cancel"] = "cancel"
    request_id: int


class Timings(_Message):
    """Milliseconds that the slowest image of a request spent in each stage."""

    queue: float
    decode: float
    infer: float


class Answer(_Message):
    """Predictor → API: end of a request; the body of the frame is a JSON list of one `ItemAnswer` per image."""

    kind: Literal["answer"] = "answer"
    request_id: int
    timings_ms: Timings
    precision: str
    """The numbers that the model computed with, such as `float32`."""
    epoch: int | None = None
    """The epoch of a checkpoint that answered; None for a published model."""


class Failure(_Message):
    """Predictor → API: end of a request that failed as a whole."""

    kind: Literal["failure"] = "failure"
    request_id: int
    code: str
    message: str
    retry_after_s: int | None = None


Message = Ping | Pong | Open | Image | Cancel | Answer | Failure
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


class Score(_Message):
    """A class and the calibrated probability that the image shows it."""

    label: str
    score: float


class Explanation(_Message):
    """Where in an image the network found its evidence for the label."""

    label: str = Field(description="The class that the evidence supports: the label of the answer.")
    evidence: list[list[float]] = Field(
        description="The evidence of each square of 8 x 8 pixels of the image as the network saw it, row by row from "
        "the top. Negative evidence lowers the logit of the label. The sum is `logit_above_mean`."
    )
    logit_above_mean: float = Field(
        description="The logit of the label minus the mean of all logits, before the temperature."
    )
    overlay: str = Field(
        description="A PNG as a `data:` URL: the image as the network saw it, in grey, with the positive evidence as a "
        "heat map; brighter is more."
    )


class ItemError(_Message):
    """Why one image of a request could not be classified."""

    code: str
    message: str


class ItemAnswer(_Message):
    """The answer to one image: either `scores`, highest first, or `error`; a set of labels and an explanation if they were asked for."""

    scores: list[Score] = []
    label_set: list[str] | None = None
    explanation: Explanation | None = None
    error: ItemError | None = None


ITEM_ANSWERS: TypeAdapter[list[ItemAnswer]] = TypeAdapter(list[ItemAnswer])


def parse_message(header: bytes) -> Message:
    """Parse the JSON header of a frame; raises `ProtocolError`."""
    try:
        return _MESSAGE.validate_json(header)
    except ValidationError as error:
        raise ProtocolError(
            f"A header is not a message of this protocol: {error.error_count()} errors."
        ) from error

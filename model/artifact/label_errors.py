"""The file of a model that names the images of its dataset whose labels are probably wrong. Imports no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

LABEL_ERRORS_FILE = "label_errors.json"
MAX_LISTED = 5000


class LabelError(BaseModel):
    """An image whose label is probably wrong."""

    model_config = ConfigDict(frozen=True)

    image: str
    """Id of the image in the dataset."""
    split: Literal["train", "test"]
    label: str
    suggested: str
    """The class that the image probably belongs to."""
    margin: float
    """-1 to 0: the lower, the more probable the error."""


class LabelErrors(BaseModel):
    """The images whose labels are probably wrong, the most probable errors first."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = 1
    dataset_id: str
    count: int
    """Of all of them; at most 5,000 are listed."""
    images: list[LabelError]

"""What is recorded of a review: settings, images, labels, and the dataset version that is made of them. Calls nothing."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from worker.errors import DatasetUnchangedError
from worker.queue.records import DatasetImport
from worker.queue.states import Status
from worker.redis_server.timestamps import Timestamp

REVIEWS_FOLDER = "reviews"
MAX_IMAGES = 10_000
MAX_DAYS = 365.0
State = Literal["waiting", "labelled", "taken"]
"""Without a label; with one; part of the dataset version that is being made."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class KeptAnswers(_Stored):
    """Which answers of a name are kept, and how many, as its owner set it."""

    below: float
    """Answers with a score below it."""
    fraction: float
    """The share of these."""
    max_images: int
    max_days: float


class ReviewScore(_Stored):
    """A class and its score."""

    label: str
    score: float


class NewReviewImage(_Stored):
    """An image and production's answer."""

    id: str
    sha256: str
    """Of the file: the same file is kept once."""
    size_bytes: int
    model: str
    """The id of the model that answered."""
    version: int
    scores: list[ReviewScore]
    """Of the answer, the highest first."""


class ReviewImage(NewReviewImage):
    """An image as it was recorded."""

    at: Timestamp


class ReviewLabel(_Stored):
    """What a person said of an image."""

    label: str
    by: str | None
    at: Timestamp


@dataclass(frozen=True)
class ReviewedImage:
    """An image, and its label if it has one."""

    image: ReviewImage
    label: ReviewLabel | None


class VersionPlan(_Stored):
    """The dataset version that is made of labelled images. A repeated request makes the same one."""

    import_id: str
    """The import that makes the version."""
    parent: str
    """The id of the dataset whose next version it is."""
    name: str
    """Of that dataset."""
    model: str
    """The id of the model whose spec the next job has."""
    note: str | None
    by: str
    """Who asked for it."""
    train: bool
    key: str | None
    """The Idempotency-Key of the request."""
    images: int = 0
    """The number of images that are added; known once they are taken."""


class VersionJob(_Stored):
    """The job that trains on a dataset version."""

    import_id: str
    job: str


@dataclass(frozen=True)
class ReviewState:
    """What is known of the review of a name."""

    settings: KeptAnswers
    waiting: int
    labelled: int
    taken: int
    image_bytes: int
    missed: int
    """Images that were not kept, because the service was busy."""
    used: int
    """Images that dataset versions were made with."""
    making: VersionPlan | None
    made: VersionPlan | None
    """The version that was made last."""
    job: VersionJob | None
    """The last job that was queued for a version."""

    def job_of(self, plan: VersionPlan) -> str | None:
        """Return the id of the job that was queued for a version; None without one."""
        return self.job.job if self.job and self.job.import_id == plan.import_id else None


@dataclass(frozen=True)
class TakenImages:
    """The images of the dataset version that is being made: their ids and labels."""

    plan: VersionPlan | None
    """None when no image has a label."""
    labels: dict[str, str]


def image_folder(name: str) -> str:
    """Return the storage folder of the images of a name."""
    return f"{REVIEWS_FOLDER}/{name}"


def image_key(name: str, image_id: str) -> str:
    """Return the storage key of an image."""
    return f"{image_folder(name)}/{image_id}"


def is_version_made(ended: DatasetImport) -> bool:
    """Return whether the dataset has the images of the import that was to make a version of it."""
    # An unchanged dataset had them all before, or nearly the same ones.
    is_unchanged = ended.error is not None and ended.error.code == DatasetUnchangedError.code
    return ended.status is Status.SUCCEEDED or is_unchanged

"""Errors of the dataset routes, and how each is answered."""

from api.errors import ApiError
from api.http.problem import Answer, Answers
from model.errors import DatasetUnavailableError
from worker.errors import (
    DatasetNameTakenError,
    DatasetUnchangedError,
    ParentDeletedError,
    TooManyPartsError,
    UploadNotFoundError,
    WrongOffsetError,
)
from worker.queue.records import JobError
from worker.queue.states import DEATHS
from worker.registry.errors import DatasetInUseError

TUS_VERSION = "1.0.0"
_RETRY_BUSY_S = 30
_FAULTS_OF_THE_SERVICE = ("internal_error", *(f"{outcome}_repeatedly" for outcome in DEATHS))
"""Why an import failed although nothing is known to be wrong with the zip."""


class UploadsBusyError(ApiError):
    """Raised when the maximum number of datasets is being uploaded already."""

    code = "uploads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} datasets are being uploaded already: try again when one is done.")


class DatasetReadyError(ApiError):
    """Raised when an import that has made its dataset is cancelled: only the id or name of a dataset deletes it."""

    code = "dataset_ready"

    def __init__(self, dataset_id: str) -> None:
        super().__init__(
            f"The import has made {dataset_id} already: DELETE /datasets/{dataset_id} deletes the dataset."
        )


class ArchivesBusyError(ApiError):
    """Raised when the maximum number of datasets is being downloaded already."""

    code = "downloads_busy"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} datasets are being downloaded already: try again when one is done.")


class BuiltInDatasetError(ApiError):
    """Raised when a built-in dataset is to be changed or deleted."""

    code = "built_in_dataset"

    def __init__(self) -> None:
        super().__init__(
            "Built-in datasets do not change, cannot be deleted, and those that workers download have no archive here. Make a "
            "dataset of your own of one: `ninefold datasets add built-in://digits`."
        )


class RejectedError(ApiError):
    """Raised when a client waited for a dataset that was rejected; the code is that of the rejection."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.code = error.code


class TusVersionError(ApiError):
    """Raised when a request does not name the version of the tus protocol that this service speaks."""

    code = "unsupported_tus_version"

    def __init__(self) -> None:
        super().__init__(
            f"Send Tus-Resumable: {TUS_VERSION}, the version of the tus protocol that is spoken here."
        )


ANSWERS: Answers = {
    UploadsBusyError: Answer(503, retry_after_s=_RETRY_BUSY_S),
    ArchivesBusyError: Answer(503, retry_after_s=_RETRY_BUSY_S),
    DatasetNameTakenError: Answer(
        409,
        "This name belongs to another dataset, and datasets never change. Choose a new name, or make the next version of "
        "that dataset: POST /datasets/{name}/versions, ninefold datasets correct NAME --add FOLDER.",
    ),
    BuiltInDatasetError: Answer(409),
    DatasetReadyError: Answer(409),
    DatasetInUseError: Answer(409),
    ParentDeletedError: Answer(409),
    TusVersionError: Answer(412, headers={"Tus-Version": TUS_VERSION}),
    UploadNotFoundError: Answer(
        404, "No upload has this id, or it has expired. POST /uploads begins another."
    ),
    WrongOffsetError: Answer(409),
    TooManyPartsError: Answer(413),
    RejectedError: Answer(
        422,
        status_by_code={
            **dict.fromkeys(
                (DatasetNameTakenError.code, DatasetUnchangedError.code, ParentDeletedError.code), 409
            ),
            **dict.fromkeys(_FAULTS_OF_THE_SERVICE, 500),
        },
    ),
    DatasetUnavailableError: Answer(404, "No dataset has this id or name. GET /datasets lists all datasets."),
}

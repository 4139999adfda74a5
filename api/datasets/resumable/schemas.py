"""An upload in parts as the API shows it."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.datasets.resumable.headers import expires_at
from worker.queue.calls.uploads import UploadState


class Upload(BaseModel):
    """An upload that arrives in parts."""

    object: Literal["upload"] = "upload"
    id: str
    name: str = Field(description="Of the dataset.")
    offset: int = Field(description="Number of bytes that have arrived.")
    length: int | None = Field(description="Of the whole upload; null while it is not known.")
    created_by: str | None
    expires_at: datetime = Field(description="Without further parts.")
    dataset_id: str | None = Field(description="The dataset that is made of it, once all bytes have arrived.")

    @classmethod
    def of(cls, state: UploadState) -> Self:
        """Show the state of an upload."""
        return cls(
            id=state.id,
            name=state.record.name,
            offset=state.offset,
            length=state.length,
            created_by=state.record.created_by,
            expires_at=expires_at(state),
            dataset_id=state.dataset_id,
        )

"""The imports of models as they are answered."""

from typing import Self

from pydantic import BaseModel, Field

from worker.queue.records import ModelImport


class ModelImportLinks(BaseModel):
    """What belongs to an import."""

    self: str
    model: str | None = Field(description="The model, once there is one.")


class ImportedModel(ModelImport):
    """The import of a model; `result` names the model once it has succeeded, `error` says why it was rejected."""

    links: ModelImportLinks

    @classmethod
    def of(cls, found: ModelImport, root_path: str) -> Self:
        """Describe an import; `root_path` begins every path of the service."""
        model = f"{root_path}/models/{found.result.model.id}" if found.result else None
        links = ModelImportLinks(self=f"{root_path}/models/imports/{found.id}", model=model)
        return cls(**dict(found), links=links)

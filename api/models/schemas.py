"""The answers and bodies of the model routes, as OpenAPI shows them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from model.artifact.manifest import Manifest
from worker.registry.models import RegisteredModel


class Model(Manifest):
    """A published model and the aliases that point at it now."""

    aliases: list[str]

    @classmethod
    def registered(cls, model: RegisteredModel) -> Self:
        """Describe a model of the registry."""
        return cls.model_validate({**model.manifest.model_dump(), "aliases": model.aliases})


class Alias(BaseModel):
    """A name for one version of a model."""

    object: Literal["alias"] = "alias"
    name: str
    alias: str
    version: int
    model_id: str

    @classmethod
    def pointing_at(cls, model: RegisteredModel, alias: str) -> Self:
        """Describe an alias by its name and the model that it points at."""
        manifest = model.manifest
        return cls(name=manifest.name, alias=alias, version=manifest.version, model_id=manifest.id)


class AliasTarget(BaseModel):
    """The version that an alias shall point at."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(strict=True, ge=1, le=999_999_999)]

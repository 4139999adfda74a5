"""The answers of the model routes, as OpenAPI shows them."""

from typing import Self

from model.artifact.manifest import Manifest
from worker.registry.models import RegisteredModel


class Model(Manifest):
    """A published model and the aliases that point at it now."""

    aliases: list[str]

    @classmethod
    def registered(cls, model: RegisteredModel) -> Self:
        """Describe a model of the registry."""
        return cls.model_validate({**model.manifest.model_dump(), "aliases": model.aliases})

"""The answers about a shadow's traffic."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from model.artifact.manifest import Fraction, Manifest
from worker.registry.shadow import ShadowAnswer, ShadowCounts, StoredDisagreement

_MOST_CONFUSIONS = 100


class ShadowModel(BaseModel):
    """One of the two models."""

    id: str
    version: int


class ShadowConfusion(BaseModel):
    """Images to which the two models gave these different labels."""

    production: str
    shadow: str
    images: int


class ShadowTraffic(BaseModel):
    """The answers of a shadow beside those of production."""

    object: Literal["shadow_traffic"] = "shadow_traffic"
    name: str
    production: ShadowModel
    shadow: ShadowModel
    fraction: Fraction = Field(
        description="The share of production's images that is sampled, NINEFOLD_SHADOW_FRACTION."
    )
    since: datetime | None = Field(description="When the first image was sampled; null before.")
    compared: int = Field(description="Images that both classified.")
    agreed: int = Field(description="Images to which both gave the same label.")
    agreement: Fraction | None = Field(description="The share of these; null without images.")
    dropped: int = Field(description="Sampled images for which production left the predictor no time.")
    failed: int = Field(description="Images that the shadow could not classify.")
    confusions: list[ShadowConfusion] = Field(description="The most frequent first, 100 at most.")

    @classmethod
    def of(cls, production: Manifest, shadow: Manifest, counts: ShadowCounts | None, fraction: float) -> Self:
        """Describe what is known of two models."""
        found = counts or ShadowCounts(None, 0, 0, 0, 0, {})
        confusions = sorted(found.confusions.items(), key=lambda pair: -pair[1])[:_MOST_CONFUSIONS]
        return cls(
            name=production.name,
            production=ShadowModel(id=production.id, version=production.version),
            shadow=ShadowModel(id=shadow.id, version=shadow.version),
            fraction=fraction,
            since=datetime.fromisoformat(found.since) if found.since else None,
            compared=found.compared,
            agreed=found.agreed,
            agreement=found.agreed / found.compared if found.compared else None,
            dropped=found.dropped,
            failed=found.failed,
            confusions=[
                ShadowConfusion(production=labels[0], shadow=labels[1], images=images)
                for labels, images in confusions
            ],
        )


class ShadowDisagreement(BaseModel):
    """An image for which the shadow gave another label than production."""

    object: Literal["shadow_disagreement"] = "shadow_disagreement"
    id: str
    at: datetime
    production: ShadowAnswer
    shadow: ShadowAnswer
    image: str | None = Field(description="Where the image is; null when it is not kept.")

    @classmethod
    def of(cls, entry: StoredDisagreement, url: str | None) -> Self:
        """Describe a disagreement; `url` is the address of the list when its image is kept."""
        return cls(
            id=entry.id,
            at=entry.at,
            production=entry.production,
            shadow=entry.shadow,
            image=url and f"{url}/{entry.id}/image",
        )

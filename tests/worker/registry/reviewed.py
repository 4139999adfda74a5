"""Reviews with images, for tests."""

import redis

from worker.registry.model_registry import ModelRegistry
from worker.registry.review import records

IMAGE_BYTES = 10


def configure(client: redis.Redis, name: str, *, max_images: int = 10, max_days: float = 1) -> list[str]:
    """Turn the review of a name on; with `max_days` below 0 every image is too old."""
    settings = records.KeptAnswers(below=0.5, fraction=1, max_images=max_images, max_days=max_days)
    return ModelRegistry(client).configure_review(name, settings, 1000)


def keep(
    client: redis.Redis, name: str, image_id: str, *, sha256: str | None = None, max_bytes: int = 1000
) -> list[str]:
    """Keep an image of 10 bytes; return the ids of the images to delete."""
    image = records.NewReviewImage(
        id=image_id,
        sha256=sha256 or image_id,
        size_bytes=IMAGE_BYTES,
        model="mdl_1",
        version=1,
        scores=[records.ReviewScore(label="zero", score=0.4)],
    )
    return ModelRegistry(client).keep_image(name, image, missed=0, max_bytes=max_bytes)


def plan(import_id: str) -> records.VersionPlan:
    """Return the plan of a dataset version."""
    return records.VersionPlan(
        import_id=import_id,
        parent="ds_1",
        name="pets",
        model="mdl_1",
        note=None,
        by="bob",
        train=False,
        key=None,
    )

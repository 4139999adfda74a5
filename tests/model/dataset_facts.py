"""Describes datasets that do not exist, and resolves specs for them, for tests that need no images."""

from model.recipes.defaults import resolve
from model.spec import DatasetFacts, JobSpec, ResolvedSpec


def facts(
    counts: list[int], *, side: int = 32, tests: int = 100, mirror_symmetric: bool = True
) -> DatasetFacts:
    """Return the facts of a dataset with these numbers of training images per class."""
    return DatasetFacts(
        id="ds_0123",
        name="things",
        classes=[f"class {number}" for number in range(len(counts))],
        train_counts=counts,
        test_counts=[tests] * len(counts),
        median_width=side + side // 3,
        median_height=side,
        mirror_symmetric=mirror_symmetric,
        content_hash="0" * 64,
    )


def resolved(of: DatasetFacts, device: str = "cpu", **given: object) -> ResolvedSpec:
    """Return the complete spec of a job that sets the given fields."""
    return resolve(JobSpec.model_validate({"dataset": of.id, **given}), of, device)[0]


def warnings(of: DatasetFacts, **given: object) -> str:
    """Return the warnings about a job that sets the given fields, one a line."""
    return "\n".join(resolve(JobSpec.model_validate({"dataset": of.id, **given}), of, "cpu")[1])

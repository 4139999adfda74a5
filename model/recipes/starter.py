"""The starter: the model whose weights small sets start from, where a service has one. Imports no torch."""

from model.spec import DatasetFacts, JobSpec

STARTER = "starter"
"""The name of the model; the version in production is the starter."""
MOST_IMAGES = 10
"""Sets with more training images a class start from random weights; docs/defaults.md has the study."""
SMALLEST_SIDE = 24
"""Sets of smaller images, such as the digits, start from random weights."""


def is_start_open(spec: JobSpec) -> bool:
    """Return whether the spec leaves `init_from` out; null asks for random weights."""
    return "init_from" not in spec.model_fields_set


def starter_helps(facts: DatasetFacts) -> bool:
    """Return whether a set is one of those that gain from a starter."""
    is_small = facts.train_images <= MOST_IMAGES * len(facts.classes)
    return is_small and facts.median_short_side >= SMALLEST_SIDE

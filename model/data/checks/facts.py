"""Warnings that follow from the facts about a dataset. Opens no image and imports no NumPy: workers call this."""

from model.data.record import DatasetRecord
from model.spec import FULL_BITS, DatasetFacts


def with_facts(record: DatasetRecord, facts: DatasetFacts) -> DatasetRecord:
    """Return a record of the same images with the facts that storage has, and with warnings that fit these facts."""
    untrue = warn_of_facts(record.facts)
    warnings = [warning for warning in record.warnings if warning not in untrue]
    return record.model_copy(update={"facts": facts, "warnings": [*warnings, *warn_of_facts(facts)]})


def warn_of_facts(facts: DatasetFacts) -> list[str]:
    """Return what a person should know about how the images will be trained on."""
    warnings = []
    if not facts.mirror_symmetric:
        warnings.append(
            "Mirrored images look like those of other classes, so training does not mirror images: horizontal_flip is "
            "false unless you set it."
        )
    if facts.sample_bits < FULL_BITS:
        warnings.append(
            f"The 16-bit images hold values below {1 << facts.sample_bits} only, so these are scaled as values of "
            f"{facts.sample_bits} bits, also in images to classify: send those with the same range of values."
        )
    return warnings

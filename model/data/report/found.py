"""A finding with all its images, before it is written to the index."""

from dataclasses import dataclass, field

from model.data.report.codes import FindingCode
from model.data.report.schema import SHOWN_CLASSES, SHOWN_IMAGES, Finding, Severity


@dataclass(frozen=True)
class Found:
    """A finding."""

    code: FindingCode
    severity: Severity
    title: str
    advice: str
    images: dict[int, str] = field(default_factory=dict)
    """What is wrong with each image, by number; the most important images first."""
    classes: list[str] = field(default_factory=list)
    count: int | None = None
    """Default: the number of images."""

    def describe(self, ids: list[str]) -> Finding:
        """Return the finding as the report shows it."""
        return Finding(
            code=self.code,
            severity=self.severity,
            title=self.title,
            advice=self.advice,
            count=len(self.images) if self.count is None else self.count,
            classes=self.classes[:SHOWN_CLASSES],
            images=[ids[number] for number in list(self.images)[:SHOWN_IMAGES]],
        )

"""How the images of a batch are classified, as its record has it."""

from pydantic import BaseModel, ConfigDict


class PredictionOptions(BaseModel):
    """What the answers have, and the reference that found the model."""

    model_config = ConfigDict(frozen=True)

    version: int | None = None
    """Of the model."""
    alias: str | None = None
    """By which the model was asked for."""
    top_k: int = 5
    min_score: float | None = None
    """An answer whose best score is below it abstains; None: below the least score of its class at the alias."""
    min_scores: dict[str, float] = {}
    """The least scores of the alias when the batch was asked for."""
    tta: bool = False
    """Whether the scores are those of each image and its mirror image together."""
    coverage: float | None = None
    """Share of the images whose set of labels has their label; None: without sets."""

    @property
    def asked(self) -> list[object]:
        """What a repetition of the request must have too; what the alias had may have changed meanwhile."""
        return [self.top_k, self.min_score, self.tta, self.coverage]

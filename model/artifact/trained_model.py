"""The result of a training, before it is published."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from model.artifact.label_errors import LabelErrors
from model.artifact.manifest import FinishReason, Metrics, Preprocessing
from model.export.samples import ExportSamples
from model.recipes.resolved_recipe import ResolvedRecipe
from model.spec import DatasetFacts, ResolvedSpec


@dataclass(frozen=True)
class TrainedModel:
    """The weights of a finished training, and the facts that its manifest will state."""

    spec: ResolvedSpec
    recipe: ResolvedRecipe
    facts: DatasetFacts
    state_dict: dict[str, Tensor]
    preprocessing: Preprocessing
    temperature: float
    metrics: Metrics
    finish_reason: FinishReason
    environment: Mapping[str, str] = field(default_factory=dict)
    """What decides the weights besides spec, dataset, recipe and versions: device, processor, threads."""
    label_errors: LabelErrors | None = None
    export_samples: ExportSamples | None = None
    """Without them, the model is published without ONNX files."""
    further_files: Mapping[str, bytes] = field(default_factory=dict)
    """Files that are published beside the weights, by name: the predictions and the evaluation."""

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the logits."""
        return self.facts.classes

    @property
    def parameters(self) -> int:
        """Number of trainable parameters: all weights except the running statistics of the batch norms."""
        statistics = ("running_mean", "running_var")
        return sum(t.numel() for name, t in self.state_dict.items() if not name.endswith(statistics))

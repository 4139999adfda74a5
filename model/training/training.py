"""Trains a network from a resolved spec to weights that can be published. Knows no service."""

from model.artifact.trained_model import TrainedModel
from model.device.ranks import SINGLE_PROCESS
from model.training.launch import run_ranks
from model.training.rank import train_rank
from model.training.reporter import Reporter
from model.training.request import TrainingRequest


def run_training(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Prepare the data, train, choose the best epoch, calibrate it, and evaluate it once on the test split.

    Raises:
        Drained: the reporter asked for a drain; a checkpoint is saved.
        TrainingDivergedError: the loss is no longer a finite number.
        ModelError: the dataset or the device is not available, or storage fails.
        RankDiedError: one of several training processes died.
        RankFailedError: one of several training processes had an unexpected error.
    """
    if len(request.devices) > 1:
        return run_ranks(request, reporter)
    trained = train_rank(request, reporter, SINGLE_PROCESS)
    assert trained is not None  # noqa: S101 - for the type checker: rank 0 returns a model
    return trained

"""Trains a network from a resolved spec to weights that can be published. Knows no service."""

from model.artifact.trained_model import TrainedModel
from model.device.ranks import SINGLE_PROCESS
from model.training.rank import train_rank
from model.training.reporter import Reporter
from model.training.request import TrainingRequest


def run_training(request: TrainingRequest, reporter: Reporter) -> TrainedModel:
    """Prepare the data, train, choose the best epoch, calibrate it and score it once on the test split.

    Raises:
        Drained: the reporter asked for it; a checkpoint is saved.
        TrainingDivergedError: the loss is no longer a finite number.
        ModelError: the dataset or the device cannot be had, or storage fails.
        RankDiedError: of several processes that trained together one died.
    """
    if len(request.devices) > 1:
        from model.training.launch import run_ranks  # noqa: PLC0415 - torch's elastic agent: one device needs none of it

        return run_ranks(request, reporter)
    trained = train_rank(request, reporter, SINGLE_PROCESS)
    assert trained is not None  # noqa: S101 - for the type checker: the first rank returns it
    return trained

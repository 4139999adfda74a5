"""The splits of a prepared dataset that a child process works on."""

from model.data.prepared.dataset import PreparedDataset, PreparedSplit
from worker.queue.records import EvaluatedSplit


def chosen_splits(prepared: PreparedDataset, split: EvaluatedSplit) -> list[PreparedSplit]:
    """Return the splits that a name means, the training images first."""
    return {
        EvaluatedSplit.TRAIN: [prepared.train],
        EvaluatedSplit.TEST: [prepared.test],
        EvaluatedSplit.ALL: [prepared.train, prepared.test],
    }[split]

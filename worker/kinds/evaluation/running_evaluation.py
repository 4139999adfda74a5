"""A process that evaluates a model: what its messages mean."""

from worker.attempt.messages import Line
from worker.attempt.repeatable_child import RepeatableChild
from worker.kinds.evaluation.messages import ImagesPredicted


class RunningEvaluation(RepeatableChild):
    """One evaluating process. Its first phase reads the model."""

    work = "evaluation"
    stall_timeout_s = 600.0
    """One message comes with each batch of images; before them the images are prepared, or a dataset is downloaded."""

    def _receive_own(self, message: Line) -> None:
        super()._receive_own(message)
        if isinstance(message, ImagesPredicted):
            self._outbox.add_progress(message.progress)

"""A process that classifies many images: what its messages mean."""

from worker.attempt.messages import Line
from worker.attempt.repeatable_child import RepeatableChild
from worker.kinds.batch_prediction.messages import PartStored


class RunningPrediction(RepeatableChild):
    """One classifying process. What it has stored stays: another attempt continues there."""

    work = "batch prediction"
    stall_timeout_s = 600.0
    """One message comes with each part; before the first one a dataset is downloaded or prepared."""

    def _receive_own(self, message: Line) -> None:
        super()._receive_own(message)
        if isinstance(message, PartStored):
            self._outbox.add_progress(message.progress)

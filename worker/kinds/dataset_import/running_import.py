"""An import process that reads an upload: what its messages mean."""

from worker.attempt.messages import Line
from worker.attempt.repeatable_child import RepeatableChild
from worker.kinds.dataset_import.messages import FilesRead


class RunningImport(RepeatableChild):
    """One import process. Its first phase reads the upload."""

    work = "import"
    stall_timeout_s = 300.0
    """Reading one file takes seconds at most; storing the images of a large zip may take minutes."""

    def _receive_own(self, message: Line) -> None:
        super()._receive_own(message)
        if isinstance(message, FilesRead):
            self._outbox.add_progress(message.progress)

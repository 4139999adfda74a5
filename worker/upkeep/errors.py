"""The errors of a restore."""

from worker.errors import WorkerError


class StoreOccupiedError(WorkerError):
    """Raised when a backup is restored into a Redis that already has records."""

    code = "store_occupied"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"This Redis already contains {what}, and a restore never merges or replaces records: start a new service "
            "(`ninefold up --data-dir NEW`, or an empty Redis and an empty storage folder) and restore into that."
        )


class BackupRestoredError(WorkerError):
    """Raised when a backup is restored again into the service into which it was restored."""

    code = "backup_restored"

    def __init__(self) -> None:
        super().__init__("This backup was restored into this service before: nothing was changed.")


class BackupUnreadableError(WorkerError):
    """Raised when a file is not a complete backup. The message says why."""

    code = "backup_unreadable"

"""A process that reads a bundle: what its messages mean."""

from worker.attempt.repeatable_child import RepeatableChild


class RunningModelImport(RepeatableChild):
    """One importing process. Its first phase reads the bundle."""

    work = "import"
    stall_timeout_s = 600.0
    """It sends one message at its beginning and one at its end."""

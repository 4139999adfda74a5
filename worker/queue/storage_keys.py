"""Keys in storage that belong to jobs."""


def checkpoints_prefix(job_id: str) -> str:
    """Return the prefix under which all attempts of a job store their checkpoints."""
    return f"checkpoints/{job_id}"

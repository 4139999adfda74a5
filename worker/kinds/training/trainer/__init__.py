"""The trainer process: `python -m worker.kinds.training.trainer`, started by a worker. Knows no Redis."""

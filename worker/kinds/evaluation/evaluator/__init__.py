"""The evaluating process: `python -m worker.kinds.evaluation.evaluator`, started by a worker. Imports torch."""

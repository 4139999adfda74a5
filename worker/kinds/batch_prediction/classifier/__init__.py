"""The classifying process: `python -m worker.kinds.batch_prediction.classifier`, started by a worker. Imports no torch."""

"""The process that reads a bundle: `python -m worker.kinds.model_import.importer`, started by a worker. Imports no torch."""

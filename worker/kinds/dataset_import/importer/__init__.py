"""The import process: `python -m worker.kinds.dataset_import.importer`, started by a worker. Reads hostile files."""

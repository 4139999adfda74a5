"""Maintenance of records and storage: reaping, archiving, backup and restore, garbage collection, reindexing."""

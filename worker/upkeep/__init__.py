"""Upkeep of records and storage: reaping, archiving, backup, restore, garbage collection."""

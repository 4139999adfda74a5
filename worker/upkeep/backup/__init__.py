"""Backup of all records and objects into one tar file, and restore from it."""

"""The API process: start checks, server processes, open files."""

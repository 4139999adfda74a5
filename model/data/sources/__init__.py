"""Readers of the public datasets that are built in, and the download of their files."""

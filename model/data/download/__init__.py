"""Datasets as zips that a person downloads."""

"""Versions of a dataset: corrections, and the next version that they make of a parent."""

"""Checks of the images of an import: each returns warnings for the owner of the dataset."""

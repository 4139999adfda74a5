"""Classifies all images of a dataset or a zip with a published model, and stores the answers in parts. Imports no torch."""

"""Datasets of labelled images: import, storage, built-in datasets, and the images prepared for training."""

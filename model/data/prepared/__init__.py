"""Datasets prepared for training: all images at one size, in files on the local disk."""

"""Evaluation of a network: its predictions for a set of images, their scores and their calibration."""

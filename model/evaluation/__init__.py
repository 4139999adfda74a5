"""Evaluation: predictions on a split, their scores, calibration."""

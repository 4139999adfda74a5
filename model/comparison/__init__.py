"""Compares two models on test images that neither was trained on, from their stored predictions. Imports no torch."""

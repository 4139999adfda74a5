"""Explanations of predictions: where in an image the network found its evidence, as numbers and as a picture."""

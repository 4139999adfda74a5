"""Initialisation, whitening, weight average and optimizers."""

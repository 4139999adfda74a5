"""Initialisation and whitening of the network, its optimizers and the average of its weights."""

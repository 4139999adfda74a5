"""The published model: manifest, weights, and the classifier that loads them."""

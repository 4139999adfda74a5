"""Recipes: the settings of a training, their defaults, and warnings about them."""

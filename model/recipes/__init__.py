"""Recipes: the settings of a training, the defaults for a dataset, and warnings about a spec."""

"""Training: from a resolved spec to weights that can be published."""

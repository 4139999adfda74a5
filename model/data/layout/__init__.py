"""Finds out which class and split each image of an import belongs to, from folders or from a table."""

"""Finds images that are nearly the same: a perceptual hash proposes pairs, and their pixels decide. Imports no torch."""

"""A cluster of real processes that tests can kill, freeze and cut off, and its client."""

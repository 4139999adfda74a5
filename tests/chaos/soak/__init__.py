"""A random soak test: `python -m tests.chaos.soak`."""

"""The registry of models, their aliases, and uploaded datasets."""

"""Batch predictions as a kind of work: the supervisor, and the process that classifies."""

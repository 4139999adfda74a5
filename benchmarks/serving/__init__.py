"""Benchmarks of `/predict`, and of other serving frameworks with the same network."""

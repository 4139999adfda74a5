"""Compute devices: CPU or GPU, CUDA graphs, and data-parallel training on several devices."""

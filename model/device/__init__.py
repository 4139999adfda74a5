"""Devices: CPUs and GPUs, recorded steps, several devices at once."""

"""Datasets: importing, storing and reading labelled images."""

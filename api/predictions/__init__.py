"""Batch predictions: what is asked for, queued and answered."""

"""Imports of models that another service exported: what is asked for, queued and answered."""

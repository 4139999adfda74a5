"""Tests of the imports of models as work."""

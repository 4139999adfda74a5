"""Tests of the imports of models over HTTP."""

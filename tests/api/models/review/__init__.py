"""Tests of the review of uncertain answers over HTTP."""

"""Tests of bundles over HTTP."""

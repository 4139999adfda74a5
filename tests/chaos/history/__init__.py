"""The history of a test run, and the checker of its guarantees."""

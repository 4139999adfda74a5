"""Object storage: each object is written once, atomically, and never changed."""

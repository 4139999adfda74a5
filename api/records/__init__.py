"""Stored state that several features use: jobs, free space, and how errors of Redis and storage are answered."""

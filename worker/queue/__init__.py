"""The job record in Redis: states, changes, reads, the feed of events."""

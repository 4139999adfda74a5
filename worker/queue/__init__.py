"""The job record in Redis: states, operations of owners and of attempts, reads, events, live workers, wake-ups."""

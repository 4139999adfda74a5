"""The running service: overhead, request rates, memory, event streams, recovery after a crash."""

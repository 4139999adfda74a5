"""How much one Redis carries: bytes of a job, server time of each call, CPU of a fleet, and the longest command."""

"""What every attempt has: a lease, an outbox, checkpoints."""

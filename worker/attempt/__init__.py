"""What an attempt of any kind of work needs: a lease, an outbox for its reports, its checkpoints, the drain signal."""

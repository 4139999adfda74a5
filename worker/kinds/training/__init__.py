"""Training as a kind of work: the supervisor, the trainer process, and their messages."""

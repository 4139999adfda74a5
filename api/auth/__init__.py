"""Keys, sessions, and which requests they let through."""

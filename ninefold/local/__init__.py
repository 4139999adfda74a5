"""`ninefold up`: every part on one machine."""

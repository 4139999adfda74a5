"""The commands of `ninefold`, one file for each thing that they are about."""

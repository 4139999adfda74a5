"""The commands of `python -m model`, and how they print."""

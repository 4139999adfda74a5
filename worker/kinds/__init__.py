"""The kinds of work, one folder for each."""

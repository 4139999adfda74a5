"""Hands the events of the feed to the watchers of this process."""

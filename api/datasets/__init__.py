"""The routes of datasets."""

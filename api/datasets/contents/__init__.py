"""What is in a dataset: its report, its images and its skipped files."""

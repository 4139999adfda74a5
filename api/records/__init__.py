"""State that several features read: jobs, datasets, free space, and how failures of Redis and storage are answered."""

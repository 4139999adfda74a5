"""Access to Redis and storage that several features share: jobs, free space, and the answers to their errors."""

"""Access to the Redis server: connections, checks, keys, scripts, retries."""

"""Redis: connections, keys, scripts, retries."""
